"""Importance approaches the attention that the network gives, where a cheap view and the state tell it."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.nn import segment_softmax
from emotide.train.screening import Lessons, ScreeningConfig, learn_importance, lessons

CONFIG = ScreeningConfig(width=24, depth=1, dropout=0, epochs=40, patience=40, learning_rate=1e-2)


def world(telling: float, seed: int = 0, authors: int = 400, posts: int = 5) -> tuple[Lessons, np.ndarray]:
    """Who is in a good state looks at one kind of post, who is not at the other; `telling` 0: the view is noise."""
    rng = np.random.default_rng(seed)
    H = torch.from_numpy(rng.normal(size=(authors, 3)).astype(np.float32))
    lesson = torch.arange(authors).repeat_interleave(posts)
    kind = torch.from_numpy(rng.choice([-1.0, 1.0], len(lesson)).astype(np.float32))
    seen = torch.from_numpy(rng.normal(size=(len(lesson), 2)).astype(np.float32))
    seen[:, 0] += 3 * telling * kind
    attention = segment_softmax(3 * kind * H[lesson, 0].sign(), lesson, authors)
    train = torch.arange(authors) < 0.75 * authors
    return Lessons(H, train, lesson, torch.arange(len(lesson)), attention), seen.numpy()


def test_a_view_that_tells_is_learned_together_with_the_state():
    found, views = world(1.0)
    made, facts = learn_importance(found, views, CONFIG)
    entropy, attention = facts["cross_entropy"], facts["attention"]
    assert facts["lessons"] == 100
    assert entropy["entropy"] < entropy["importance"] < 0.5 * entropy["entropy"] + 0.5 * entropy["even"]
    assert attention["importance"] > 0.85 * attention["most"] > 1.2 * attention["even"]
    again, _ = learn_importance(found, views, CONFIG)
    assert_close(made.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_where_the_view_is_noise_it_is_no_better_than_even_shares():
    found, views = world(0.0)
    _, facts = learn_importance(found, views, CONFIG)
    assert facts["cross_entropy"]["importance"] > facts["cross_entropy"]["even"] - 0.02
    assert facts["attention"]["importance"] == pytest.approx(facts["attention"]["even"], abs=0.06)


def test_with_nothing_to_learn_from_all_posts_are_alike():
    found, views = world(1.0, authors=10)
    made, facts = learn_importance(found.some(torch.zeros(0, dtype=torch.long)), views, CONFIG)
    assert facts == {"lessons": 0}
    assert_close(made(found.H, found.lesson, torch.from_numpy(views)), torch.full((50,), 0.2))


def test_without_a_held_out_part_the_latest_lessons_are_held_out():
    found, views = world(1.0, authors=40)
    _, facts = learn_importance(found.some(torch.arange(20)), views, CONFIG)
    assert facts["lessons"] == 3


def test_some_lessons_keep_their_rows_and_are_numbered_anew():
    found, _ = world(1.0, authors=6, posts=3)
    some = found.some(torch.tensor([4, 1]))
    assert some.lesson.tolist() == [0, 0, 0, 1, 1, 1]
    assert some.post.tolist() == [12, 13, 14, 3, 4, 5]
    assert_close(some.H, found.H[[4, 1]])
    assert_close(some.attention, found.attention[some.post])


def test_lessons_are_what_the_network_attends_to_from_the_state_before(tables):
    """Two steps, written out: who wrote twice is a lesson, who wrote once is none."""
    from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig, Readings, built_in
    from emotide.timeline import TimelineConfig, compile_timeline

    torch.manual_seed(0)
    ekman = built_in()["ekman"]
    log = tables(
        posts=[
            ("p0", "a", 0.0),
            ("p1", "a", 0.1),
            ("p2", "b", 0.2),
            ("p3", "a", 1.0),
            ("p4", "b", 1.1),
            ("p5", "b", 1.2),
        ],
        labels=[("a", 0.1, "joy", {"space": "ekman"})],
    )
    timeline = compile_timeline(log, TimelineConfig(step="1h"), names={"ekman": ekman.names})
    network = FusedNetwork(
        NetworkConfig(state=6, influence=4, observed=6, affect=7, width=8, pair_width=6), 4, 2 * len(timeline.kinds)
    )
    readings = Readings(7, 4, {"ekman": ekman})
    readings.add(ekman, torch.randn(len(ekman.names), 4))
    model = AffectiveModel(network, readings).eval()
    vectors = torch.randn(6, 4)
    found = lessons(model, timeline, vectors, 10)
    assert found.post.tolist() == [0, 1, 4, 5]
    assert found.lesson.tolist() == [0, 0, 1, 1]
    assert_close(found.H[0], network.H_0)
    weight, _ = network.f_AT.rows(found.H, found.lesson, vectors[found.post])
    assert_close(found.attention, weight.mean(1))
    assert_close(lessons(model, timeline, vectors, 1).post, found.post[2:])
