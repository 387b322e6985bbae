"""Who stands in whose sight (DESIGN 3.3, Nei(i, t)), and that a forecast sees nothing of the step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emotide.timeline import TimelineConfig, compile_timeline

NAMES = "abcde"
STEPS = 8
who = st.sampled_from(NAMES)
when = st.integers(0, STEPS - 1)
CONTACTS = st.lists(st.tuples(who, who, when, st.sampled_from(["like", "reply"])), max_size=25)
TIES = st.lists(
    st.tuples(who, who, st.none() | when, st.none() | when).filter(lambda tie: tie[0] != tie[1]), max_size=6,
    unique_by=lambda tie: tie[:3],
)  # fmt: skip


def pairs(timeline):
    """(step, target, source): (known, elapsed) by name."""
    e, name = timeline.events, timeline.users["user_id"].to_list()
    found = zip(e.step["pair"], e.pair_target, e.pair_source, e.pair_known, e.pair_elapsed, strict=True)
    return {(int(step), name[i], name[j]): (bool(known), float(since)) for step, i, j, known, since in found}


def literal(contacts, ties, user, step, config):
    """Who was a neighbour of a user before a step, and who is one in it: contacts either way lately, standing ties."""
    met = {(s, time) if t == user else (t, time) for s, t, time, _ in contacts if s != t and user in (s, t)}
    latest = sorted(((time, j) for j, time in met if time < step), key=lambda row: row)[-4 * config.max_neighbours :]
    last = {j: time for time, j in latest if step - time <= config.neighbour_memory}
    standing = [
        (j, -1 if begin is None else begin)
        for i, j, begin, end in ties
        if i == user and (begin is None or begin <= step) and (end is None or end >= step)
    ]
    known = set(last) | {j for j, begin in standing if begin < step}
    new = {j for j, time in met if time == step} | {j for j, begin in standing if begin == step}
    return known, new


@settings(max_examples=60, deadline=None)
@given(CONTACTS, TIES, st.integers(2, 8), st.integers(0, 5))
def test_neighbours_are_the_latest_contacts_and_the_standing_ties(tables, contacts, ties, most, memory):
    config = TimelineConfig(step="1h", max_neighbours=most, neighbour_memory=memory)
    posts = [(f"{user}{step}", user, step) for user in NAMES for step in range(STEPS)]  # everybody is always active
    timeline = compile_timeline(tables(posts=posts, interactions=contacts, ties=ties), config)
    found, before = pairs(timeline), {}
    for step in range(STEPS):
        for user in NAMES:
            known, new = literal(contacts, ties, user, step, config)
            mine = {j: value for (t, i, j), value in found.items() if (t, i) == (step, user)}
            drawn = {j for j, (old, _) in mine.items() if old}
            assert drawn <= known
            assert len(drawn) == min(most, len(known))
            assert mine.keys() - drawn <= new
            assert len(mine.keys() & new) >= min(most, len(new))
            if most >= len(NAMES) - 1:
                assert mine.keys() == known | new
            for j, (_, elapsed) in mine.items():
                assert elapsed == (step - before[user, j] if (user, j) in before else -1)
                before[user, j] = step


def test_a_sample_of_neighbours_is_unbiased(tables):
    """Over many users with the same past, sums weighted by 1 / chance are those over all neighbours."""
    crowd, followers = [f"n{k}" for k in range(12)], [f"u{k}" for k in range(3000)]
    contacts = [(j, i, k // 3, "like") for i in followers for k, j in enumerate(crowd)]  # three an hour, then silence
    posts = [(f"p{i}", i, 6) for i in followers]
    timeline = compile_timeline(tables(posts=posts, interactions=contacts), TimelineConfig(step="1h", max_neighbours=4))
    e, name = timeline.events, timeline.users["user_id"].to_list()
    here = (e.step["pair"] == 6) & np.char.startswith(np.array(name)[e.pair_target], "u")
    value = {j: (-1) ** k * (k + 1.0) for k, j in enumerate(crowd)}
    rows = [(value[name[j]], chance) for j, chance in zip(e.pair_source[here], e.pair_chance[here], strict=True)]
    assert len(rows) == 4 * len(followers)
    terms = np.array([[v, v / seen, 1 / known, v / known] for v, (seen, known) in rows])
    plain, _, count, total = terms.sum(0) / len(followers)
    assert abs(count - len(crowd)) < 0.15
    assert abs(total - sum(value.values())) < 0.6  # -6; its standard error is 0.2
    assert abs(plain - sum(value.values())) > 2  # what the sample says without its weights


def test_chance_hangs_on_nothing_but_names_and_steps(tables):
    contacts = [(j, "a", k, "like") for k, j in enumerate("bcdefgh")]
    posts = [("p", "a", 9)]
    config = TimelineConfig(step="1h", max_neighbours=2)
    alone = compile_timeline(tables(posts=posts, interactions=contacts), config)
    more = compile_timeline(
        tables(posts=[*posts, ("q", "Z", 9)], interactions=[*contacts, ("Z", "Y", 3, "like")]), config
    )
    assert pairs(alone).items() <= pairs(more).items()


@settings(max_examples=60, deadline=None)
@given(CONTACTS, TIES, CONTACTS, when)
def test_nothing_of_a_step_is_known_in_it(tables, contacts, ties, others, step):
    """Whatever else happens in a step or later, those known in it stay the same."""
    config = TimelineConfig(step="1h", max_neighbours=2, neighbour_memory=3)
    posts = [(f"{user}{k}", user, k) for user in NAMES for k in range(STEPS)]

    def known(happened):
        found = pairs(compile_timeline(tables(posts=posts, interactions=happened, ties=ties), config))
        return {key for key, (before, _) in found.items() if before and key[0] <= step}

    past = [contact for contact in contacts if contact[2] < step]
    assert known(past) == known(past + [contact for contact in others if contact[2] >= step])


def test_old_friends_who_meet_again_are_not_known_to_meet(tables):
    contacts = [("a", "b", 0, "like"), ("a", "b", 9, "like")]
    timeline = compile_timeline(tables(interactions=contacts), TimelineConfig(step="1h", neighbour_memory=3))
    assert pairs(timeline)[9, "b", "a"] == (False, 9)


def test_a_tie_of_the_future_takes_no_place_from_one_that_stands(tables):
    ties = [("a", "b", 0, None)] + [("a", f"u{k:03}", 50, None) for k in range(40)]
    timeline = compile_timeline(
        tables(posts=[("p", "a", 9), ("q", "b", 0)], ties=ties), TimelineConfig(step="1h", max_neighbours=1)
    )
    assert [key for key in pairs(timeline) if key[1] == "a"] == [(9, "a", "b")]


def test_a_tie_is_seen_from_its_source_alone(tables):
    posts = [("p", "a", 1), ("q", "b", 1)]
    timeline = compile_timeline(tables(posts=posts, ties=[("a", "b", None, None)]), TimelineConfig(step="1h"))
    assert pairs(timeline) == {(0, "a", "b"): (True, -1)}


def test_pairs_stand_by_step_and_target(tables):
    posts = [(f"{user}{k}", user, k) for user in NAMES for k in range(3)]
    timeline = compile_timeline(
        tables(posts=posts, interactions=[("a", j, 0, "x") for j in "bcde"]), TimelineConfig(step="1h")
    )
    e = timeline.events
    order = list(zip(e.step["pair"].tolist(), e.pair_target.tolist(), e.pair_source.tolist(), strict=True))
    assert order == sorted(order)
    assert len(np.unique(e.pair)) == 8


def test_networks_never_share_a_pair_or_a_user(tables):
    rows = [
        (s, t, k, "like", {"network": network})
        for network in "xyz"
        for s, t, k in [("a", "b", 0), ("b", "c", 1), ("a", "b", 2)]
    ]
    timeline = compile_timeline(
        tables(interactions=rows, ties=[("a", "c", None, None, {"network": "y"})]), TimelineConfig(step="1h")
    )
    e, network = timeline.events, timeline.users["network_row"].to_numpy()
    assert len(timeline.users) == 9
    assert (network[e.pair_source] == network[e.pair_target]).all()
    of_pair = {pair: {*network[e.pair_target[e.pair == pair]].tolist()} for pair in np.unique(e.pair).tolist()}
    assert all(len(found) == 1 for found in of_pair.values())
    assert len(of_pair) == 3 * 4 + 1
