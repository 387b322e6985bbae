"""The table of vectors: blocks side by side with a mask; attention over it knows no order; text alone is as it was."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.model import Batch
from emotide.model.attended import attention_weights
from emotide.train.observed import Observed, ignored, side_by_side
from emotide.train.sequences import user_posts
from emotide.vectors.layout import Layout

LAYOUT = Layout({"text": 3, "image": 2, "video": 4})
CPU = torch.device("cpu")


def parts(posts=3, seed=0):
    rng = np.random.default_rng(seed)
    there = {"text": [1, 0, 1], "image": [1, 1, 0], "video": [0, 0, 0]}
    return {
        name: (rng.normal(size=(posts, width)).astype(np.float32), np.array(there[name], bool))
        for name, width in LAYOUT.widths.items()
    }


def test_a_row_holds_its_modality_and_nothing_else():
    given = parts()
    seen = side_by_side(given, LAYOUT, 3, CPU)
    table = seen.vectors.numpy()
    assert table.shape == (4, 3 + 2 + 4 + 3)
    (text, _), (image, _) = given["text"], given["image"]
    expected = np.zeros_like(table)
    expected[0, :3], expected[0, 9] = text[0], 1  # post 0: text, image; post 1: image; post 2: text
    expected[1, 3:5], expected[1, 10] = image[0], 1
    expected[2, 3:5], expected[2, 10] = image[1], 1
    expected[3, :3], expected[3, 9] = text[2], 1
    assert (table == expected).all()


def test_text_alone_has_its_own_width_and_no_mask():
    assert Layout({"text": 7}).width == 7
    assert Layout({"image": 7}).width == 8


def test_text_alone_leaves_the_timeline_as_it_is(compiled):
    timeline = compiled(posts=[("p", "a", 0)])
    assert Observed(torch.zeros(1, 2)).of(timeline) is timeline


@pytest.fixture
def world(compiled, untrained):
    """Two users, three posts in a step, of text and image."""
    labels = [("a", 0, "positive", {"space": "polarity"}), ("b", 0, "negative", {"space": "polarity"})]
    timeline = compiled(posts=[("p0", "a", 0), ("p1", "a", 0.5), ("p2", "b", 0)], labels=labels)
    seen = side_by_side(parts(), LAYOUT, 3, CPU)
    return seen.of(timeline), seen.vectors, untrained(timeline, LAYOUT.width).eval()


def test_the_order_of_modalities_and_posts_makes_no_difference(world):
    timeline, vectors, model = world
    [step] = Batch(timeline.group()).steps()
    state = model.network.initial(2, 0)
    said = model.network.advance(state, step.seen, vectors)
    order = torch.tensor([2, 0, 3, 1])
    view = step.seen._replace(post=step.seen.post[order], owner=step.seen.owner[order])
    again = model.network.advance(state, view, vectors)
    assert_close(again.X, said.X)
    assert_close(again.H, said.H)
    other = model.network.advance(state, step.seen, vectors.flip(0))
    assert not torch.allclose(other.X, said.X)  # whose it is does make one


def test_what_is_absent_is_not_attended_to(world):
    """The same observation from the rows that are there, however many others the log has."""
    timeline, vectors, model = world
    [step] = Batch(timeline.group()).steps()
    state = model.network.initial(2, 0)
    mine = torch.nonzero(step.seen.owner == 0).flatten()
    H = state.H[step.seen.user[:1]]
    alone = model.network.f_AT(H, step.seen.owner[mine], vectors[step.seen.post[mine]])
    assert_close(model.network.advance(state, step.seen, vectors).X[:1], alone)


def test_weights_of_a_persons_step_sum_to_one(world):
    timeline, vectors, model = world
    weight = attention_weights(model, timeline, vectors, None)
    owner = timeline.events.post_user
    assert np.bincount(owner, weight[timeline.events.post]) == pytest.approx([1, 1])
    assert weight.min() > 0
    assert len(set(np.round(weight[owner == 0], 4).tolist())) > 1


def test_baselines_see_the_mean_over_posts_with_modalities_side_by_side(world):
    timeline, vectors, _ = world
    now, _ = user_posts(timeline, vectors.numpy(), "polarity")
    mine = vectors[torch.from_numpy(timeline.events.post_user == 0)].sum(0) / 2
    assert now[0] == pytest.approx(mine.numpy())


def test_what_a_model_cannot_read_is_told_in_one_line():
    files = {"image": ["a", None, "b"], "audio": ["c", None, None], "video": [None] * 3}
    with pytest.warns(UserWarning, match="^2 images, 1 sounds are not read: this model has learned from texts alone$"):
        ignored(files, Layout({"text": 4}), ("text", "image", "audio", "video"))
    ignored(files, Layout({"text": 4}), ("text",))  # who asked for text alone is told nothing
