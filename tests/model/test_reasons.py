"""Why a reading is what it is: shares of posts that are complete, and none from posts that cannot have told."""

import pytest
import torch
from numpy.testing import assert_allclose

from emotide.model.reasons import reasons
from emotide.model.trace import every_report, trace


def busiest(timeline):
    """A user and step late in the log with a post of the user's own, and neighbours in that step."""
    e = timeline.events
    key = set(zip(e.pair_target.tolist(), e.step["pair"].tolist(), strict=True))
    posts = zip(e.post_user.tolist(), e.step["post"].tolist(), strict=True)
    return max((post for post in posts if post in key), key=lambda post: post[1])


@pytest.mark.parametrize("space", ["ekman", "pad"])
@pytest.mark.parametrize("shown", [None, every_report])
@pytest.mark.parametrize("window", [1, 4, 99])
def test_shares_sum_to_the_difference_from_posts_that_say_nothing(world, model, space, shown, window):
    timeline, vectors = world()
    user, step = busiest(timeline)
    found = reasons(model, timeline, vectors, space, 1, user, step, shown, window)
    assert len(found.post) > 0
    assert abs(found.share.sum() - (found.reading - found.without)) < 1e-3
    assert abs(found.reading - found.without) > 1e-3
    given = model.readings.scores if space == "pad" else model.readings.read
    read = trace(model, timeline, vectors, shown)
    Y = torch.from_numpy(read.Y[(read.user == user) & (read.step == step)])
    assert_allclose(found.reading, given(space, Y)[0, 1], atol=1e-5)
    assert_allclose(found.share, (found.slope * vectors[found.post].numpy()).sum(1), rtol=1e-4, atol=1e-6)
    silent = vectors.clone()
    silent[found.post] = 0
    read = trace(model, timeline, silent, shown)
    Y = torch.from_numpy(read.Y[(read.user == user) & (read.step == step)])
    assert_allclose(found.without, given(space, Y)[0, 1], atol=1e-5)


def test_only_posts_of_the_window_and_network_have_a_share(world, model):
    timeline, vectors = world()
    user, step = busiest(timeline)
    found = reasons(model, timeline, vectors, "ekman", 0, user, step, window=3)
    assert set(found.step.tolist()) <= {step - 2, step - 1, step}
    network = timeline.users["network_row"].to_numpy()
    assert (network[found.author] == network[user]).all()


def test_what_others_wrote_earlier_has_a_share(world, model):
    timeline, vectors = world()
    user, step = busiest(timeline)
    found = reasons(model, timeline, vectors, "ekman", 0, user, step, window=5)
    earlier = (found.author != user) & (found.step < step)
    assert abs(found.share[earlier]).max() > 0
    assert abs(found.share[found.author == user]).max() > 0
