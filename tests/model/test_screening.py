"""Posts are opened when a step wants them: who loses is never asked for, and what all would say is estimated."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.model import Batch
from emotide.model.screening import CHOICES, Importance, Screen
from emotide.model.trace import trace

COARSE = 3


def importance(seed=0):
    torch.manual_seed(seed)
    made = Importance(6, COARSE, 8, 1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.8)
    return made.eval()


class Asked:
    """Opens posts out of a table, and remembers which."""

    def __init__(self, vectors):
        self.vectors, self.posts = vectors, []

    def __call__(self, posts):
        self.posts += posts.tolist()
        return posts, self.vectors[torch.from_numpy(posts.astype(np.int64))]


def screen(vectors, budget, choice="top", seed=0):
    coarse = torch.from_numpy(np.random.default_rng(1).normal(size=(len(vectors), COARSE)).astype(np.float32))
    asked = Asked(vectors)
    rows = np.arange(len(vectors))
    return Screen(importance(), coarse, asked, rows, vectors.shape[1], budget, choice, seed), asked


@pytest.fixture
def busy(world, small_rows):
    """A log whose people write several posts a step."""
    log = small_rows(3)
    rng = np.random.default_rng(0)
    for number, (network, user) in enumerate((n, f"{n}{u}") for n in "xy" for u in "abcd"):
        for step in range(10):
            for k in range(int(rng.integers(0, 6))):
                log["posts"].append((f"q{number}.{step}.{k}", user, step + k / 60, {"network": network}))
    return world(log)


@pytest.mark.parametrize("choice", CHOICES)
def test_with_all_posts_in_the_budget_nothing_changes(model, busy, choice):
    timeline, vectors = busy
    whole = trace(model, timeline, vectors, None, horizon=2)
    made, asked = screen(vectors, 1.0, choice)
    assert_close(trace(model, timeline, made, None, horizon=2).Y, whole.Y)
    assert sorted(asked.posts) == list(range(len(vectors)))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("budget", [0.05, 0.3])
def test_posts_that_lose_are_never_opened_and_their_vectors_never_read(model, busy, budget, choice):
    timeline, vectors = busy
    made, asked = screen(vectors, budget, choice)
    found = trace(model, timeline, made, None)
    assert len(asked.posts) == len(set(asked.posts)) == made.opened.sum() < 0.7 * len(vectors)
    assert sorted(asked.posts) == np.flatnonzero(made.opened).tolist()
    spoiled = vectors.clone()
    spoiled[torch.from_numpy(~made.opened)] = torch.nan
    again, _ = screen(spoiled, budget, choice)
    assert_close(trace(model, timeline, again, None).Y, found.Y)
    assert np.isfinite(found.Y).all()


@pytest.mark.parametrize("choice", CHOICES)
def test_a_step_opens_what_the_budget_allows_and_something_of_everybody(model, busy, choice):
    timeline, vectors = busy
    made, _ = screen(vectors, 0.4, choice)
    posts = timeline.events
    trace(model, timeline, made, None)
    network = timeline.users["network_row"].to_numpy()[posts.post_user]
    for step in np.unique(posts.step["post"]):
        rows = np.flatnonzero(posts.step["post"] == step)
        authors = set(posts.post_user[rows].tolist())
        assert authors == set(posts.post_user[rows[made.opened[rows]]].tolist())
        assert made.opened[rows].sum() == max(int(np.ceil(0.4 * len(rows))), len(authors))
    assert set(network.tolist()) == {0, 1}
    by_author = np.bincount(posts.post_user * 1000 + posts.step["post"], made.importance.astype(float))
    assert_close(by_author[by_author > 0], np.ones((by_author > 0).sum()), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("choice", "kept"), [("recent", [2, 3]), ("first", [0, 3])])
def test_first_and_recent_go_by_time(model, world, choice, kept):
    log = {name: [] for name in ("posts", "interactions", "ties", "labels")}
    log["posts"] = [("p0", "a", 0.0), ("p1", "a", 0.1), ("p2", "a", 0.2), ("p3", "b", 0.1)]
    timeline, vectors = world(log)
    made, _ = screen(vectors, 0.5, choice)
    trace(model, timeline, made, None)
    assert np.flatnonzero(made.opened).tolist() == kept


def test_importance_is_asked_with_the_state_before_the_step(model, busy):
    timeline, vectors = busy
    made, _ = screen(vectors, 0.3)
    batch = Batch(timeline.group())
    state = model.network.initial(len(timeline.users), batch.group.pairs)
    for followed in model.follow(batch, made, state):
        view = followed.step.seen
        posts = timeline.events.post[timeline.events.step["post"] == followed.step.number]
        owner = timeline.events.post_user[timeline.events.step["post"] == followed.step.number]
        who, author = np.unique(owner, return_inverse=True)
        if len(posts):
            H = followed.before.H[torch.from_numpy(who.astype(np.int64))]
            told = made.network(H, torch.from_numpy(author), made.coarse[torch.from_numpy(posts.astype(np.int64))])
            assert_close(torch.from_numpy(made.importance[posts]), told)
        assert len(view.post) <= len(posts)


def test_the_forecast_part_of_a_step_sees_what_it_saw(model, busy):
    """Recognition and forecast are one batch: dropping posts leaves the silent view as it is."""
    timeline, vectors = busy
    batch = Batch(timeline.group())
    start = model.network.initial(len(timeline.users), batch.group.pairs)
    made, _ = screen(vectors, 0.3)
    (first,) = model.unroll(batch, made, start, 0, 1)
    (whole,) = model.unroll(batch, vectors, start, 0, 1)
    assert_close(first.forecast, whole.forecast)
    assert not torch.allclose(first.recognition, whole.recognition)


def test_a_sample_tells_attention_the_chances_that_its_posts_had_and_keeps_to_them(model, busy):
    timeline, vectors = busy
    batch = Batch(timeline.group())
    start = model.network.initial(len(timeline.users), batch.group.pairs)
    (step,) = batch.steps(0, 1)
    often, runs = np.zeros(len(step.seen.post)), 400
    for seed in range(runs):
        made, _ = screen(vectors, 0.4, "sample", seed)
        seen, table = made.shown(start, step)
        kept = np.isin(step.seen.post, seen.seen.post)
        chance = made.chance[step.seen.post.numpy()]
        assert_close(seen.seen.opened, torch.from_numpy(chance[kept]))
        assert_close(seen.both.opened, seen.seen.opened)
        often += kept
    assert (np.abs(often / runs - chance) <= 4 * np.sqrt(chance * (1 - chance) / runs) + 1e-6).all()
    X = model.network.advance(start, seen.seen, table).X
    literal = model.network.f_AT(
        start.H[seen.seen.user], seen.seen.owner, table[seen.seen.post], chance=seen.seen.opened
    )
    assert_close(X, literal)
    assert not torch.allclose(X, model.network.f_AT(start.H[seen.seen.user], seen.seen.owner, table[seen.seen.post]))
