"""Networks side by side: the same as each alone."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from emotide.timeline import Timeline, TimelineConfig, compile_timeline
from emotide.timeline.events import Events, Labels

NETWORKS = "xyz"
KINDS = ["like", "other"]


def rows(network, seed):
    rng = np.random.default_rng(seed)
    users, more = [f"{network}{k}" for k in range(3 + seed)], {"network": network}

    def one():
        return users[rng.integers(len(users))]

    return {
        "posts": [("start", users[0], 0, more)] + [(f"p{k}", one(), int(rng.integers(1, 9)), more) for k in range(8)],
        "interactions": [(one(), one(), int(rng.integers(1, 9)), "like", more) for _ in range(12)],
        "labels": [(one(), int(rng.integers(1, 9)), "joy" if k % 2 else "fear", more) for k in range(9)],
        "ties": [(users[0], users[1], 4, 6, more)],
    }


def compiled(tables, networks, step="1h"):
    by_network = [rows(network, seed) for seed, network in enumerate(NETWORKS) if network in networks]
    log = {name: [row for table in by_network for row in table[name]] for name in by_network[0]}
    return compile_timeline(tables(**log), TimelineConfig(step=step), kinds=KINDS, names={"mood": ["fear", "joy"]})


def same(group, other, ignoring=()):
    for name in Events.__annotations__:
        if name == "step":
            assert group.events.step.keys() == other.events.step.keys()
            for kind in group.events.step:
                assert_array_equal(group.events.step[kind], other.events.step[kind])
        elif name not in ignoring:
            assert_array_equal(getattr(group.events, name), getattr(other.events, name), name)
    for name in Labels.__annotations__:
        if name not in ignoring:
            assert_array_equal(getattr(group.labels["mood"], name), getattr(other.labels["mood"], name), name)
    assert group.bounds.keys() == other.bounds.keys()
    for name in group.bounds:
        assert_array_equal(group.bounds[name], other.bounds[name], name)
    assert (group.pairs, group.networks, group.first_step, group.steps) == (
        other.pairs, other.networks, other.first_step, other.steps,
    )  # fmt: skip


@pytest.mark.parametrize("step", ["1h", "turn"])
@pytest.mark.parametrize("k", range(3))
def test_a_group_of_one_network_is_that_network_compiled_alone(tables, k, step):
    whole, alone = compiled(tables, NETWORKS, step), compiled(tables, NETWORKS[k], step)
    group = whole.group([k])
    same(
        group, alone.group(), ignoring=("post", "split", "contact_split")
    )  # posts are numbered, and time is divided, over the whole log
    posts = whole.posts.select("network", "post_id")[group.events.post].rows()
    assert posts == alone.posts.select("network", "post_id")[alone.group().events.post].rows()
    assert whole.users["user_id"][group.users].to_list() == alone.users["user_id"].to_list()


def test_all_networks_side_by_side_hold_every_row_once_sorted_by_step(tables):
    whole = compiled(tables, NETWORKS)
    group = whole.group()
    for name, steps in group.events.step.items():
        assert (np.diff(steps) >= 0).all()
        assert len(steps) == len(whole.events.step[name])
    assert sorted(group.events.post.tolist()) == list(range(len(whole.posts)))
    assert (group.network[group.events.pair_source] == group.network[group.events.pair_target]).all()
    assert group.networks == 3
    same(whole.group([0, 1, 2]), group)
    same(whole.group([2, 0, 1]), group)


def test_bounds_cut_the_rows_of_each_step(tables):
    group = compiled(tables, NETWORKS).group([0, 2])
    for name, steps in (group.events.step | {"mood": group.labels["mood"].step}).items():
        for k in range(group.steps):
            here = np.arange(group.bounds[name][k], group.bounds[name][k + 1])
            assert_array_equal(here, np.flatnonzero(steps == group.first_step + k))


def test_label_rows_lead_back_to_the_timeline(tables):
    whole = compiled(tables, NETWORKS)
    group = whole.group([1, 2])
    labels, all_labels, row = group.labels["mood"], whole.labels["mood"], group.label_row["mood"]
    assert_array_equal(all_labels.step[row], labels.step)
    assert_array_equal(all_labels.user[row], group.users[labels.user])
    assert_array_equal(all_labels.target[row], labels.target)


def test_batches_hold_every_network_once_and_no_more_events_than_asked_for_unless_alone(tables):
    whole = compiled(tables, NETWORKS)
    sizes = whole.networks["active"].to_list()
    for most in (1, sizes[0] + sizes[1], 10**6):
        batches = list(whole.batches([2, 0, 1], most))
        assert [network for batch in batches for network in batch] == [2, 0, 1]
        assert all(len(batch) == 1 or sum(sizes[network] for network in batch) <= most for batch in batches)
    assert len(list(whole.batches([2, 0, 1], 10**6))) == 1


def test_networks_with_a_label_of_a_split(tables):
    whole = compiled(tables, NETWORKS)
    labels, network = whole.labels["mood"], whole.users["network_row"].to_numpy()
    for split in range(3):
        assert whole.networks_with(split, "mood") == sorted(
            {int(network[u]) for u in labels.user[labels.split == split]}
        )


def test_a_network_alone_is_views_of_the_mapped_timeline(tables, tmp_path):
    compiled(tables, "y").save(tmp_path)
    timeline = Timeline.load(tmp_path)
    group = timeline.group()
    for name in Events.__annotations__:
        if name != "step":
            assert np.shares_memory(getattr(group.events, name), getattr(timeline.events, name))
    assert np.shares_memory(group.labels["mood"].target, timeline.labels["mood"].target)
