"""The fused network against DESIGN 3.3, user by user, pair by pair and post by post."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.model import Batch, State
from emotide.model.fused import elapsed_code
from emotide.model.trace import every_report, states_before, trace

ROUNDED = {"atol": 1e-5, "rtol": 1e-5}  # counts and chances are float32, everything else is double


def code(elapsed):
    """The time since a state last changed, -1 for never."""
    if elapsed < 0:
        return torch.tensor([0.0, 0.0, 0.0, 1.0]).double()
    return torch.tensor([math.log(1 + elapsed) / 4, math.exp(-elapsed / 2), math.exp(-elapsed / 14), 0.0]).double()


def log1p(counts, shown=True):
    return torch.tensor([math.log(1 + float(count)) if shown else 0.0 for count in counts]).double()


@pytest.fixture(scope="module")
def precise(model):
    return deepcopy(model).double()


class Literal:
    """The network as DESIGN 3.3 writes it, one row at a time, on the arrays of a group."""

    def __init__(self, model, group, vectors):
        self.model, self.net, self.group, self.e, self.vectors = model, model.network, group, group.events, vectors
        self.H = dict.fromkeys(range(len(group.users)), self.net.H_0)
        self.A = dict.fromkeys(range(group.pairs), self.net.A_0)
        ends = zip(self.e.pair_source, self.e.pair_target, self.e.pair, strict=True)
        self.pair_of = {(int(j), int(i)): int(pair) for j, i, pair in ends}
        self.M = {i: torch.zeros(self.net.config.affect + 1).double() for i in range(len(group.users))}
        self.active = {
            (int(t), int(i)): k for k, (t, i) in enumerate(zip(self.e.step["active"], self.e.active_user, strict=True))
        }

    def pairs_of(self, t, i, known_alone=False):
        of = (self.e.step["pair"] == t) & (self.e.pair_target == i)
        return np.flatnonzero(of & self.e.pair_known if known_alone else of)

    def moved(self, t, i, seen, left_out=None):
        """H[i,t] and {pair: A[j→i,t]} from the states of step t - 1; unseen: nothing of the step but who is near."""
        row = self.active[t, i]
        X = self.X(t, i) if seen else self.net.f_AT.empty
        A, R_rows, chances = {}, [], []
        for q in self.pairs_of(t, i, known_alone=not seen):
            pair, j = int(self.e.pair[q]), int(self.e.pair_source[q])
            kinds = self.e.pair_kinds[q]
            to_i, made = kinds[: len(kinds) // 2].sum(), 1.0
            if seen and to_i:
                made = self.e.active_counts[self.active[t, j]][1]
            share = torch.tensor([float(to_i / made) if seen and to_i else 0.0]).double()
            said = self.X(t, j) if seen and to_i else torch.zeros(self.net.config.observed).double()
            I = (torch.cat([log1p(kinds, seen), share]), said, self.A.get(self.pair_of.get((i, j)), self.net.A_0))
            since = code(float(self.e.pair_elapsed[q]))
            A[pair] = self.net.f_A(*(part[None] for part in (self.A[pair], self.H[i], self.H[j], *I, since)))[0]
            if q != left_out:
                R_rows.append((self.H[j], A[pair]))
                chances.append(float(self.e.pair_chance[q, 0 if seen else 1]))
        R = self.attended(self.net.f_G, self.H[i], R_rows, chances)
        time = code(float(self.e.active_elapsed[row]))
        u = (X, R, log1p(self.e.active_counts[row], seen), time)
        return self.net.f_H(self.H[i][None], *(part[None] for part in u))[0], A

    def X(self, t, i):
        """What i wrote in step t."""
        posts = self.e.post[(self.e.step["post"] == t) & (self.e.post_user == i)]
        return self.attended(self.net.f_AT, self.H[i], [(self.vectors[int(post)],) for post in posts])

    @staticmethod
    def attended(attention, owner, rows, chances=None):
        parts = [torch.stack(column) for column in zip(*rows, strict=True)]
        if not rows:
            return attention.empty
        chance = torch.tensor(chances).double() if chances else None
        return attention(owner[None], torch.zeros(len(rows), dtype=torch.long), *parts, chance=chance)[0]

    def Y(self, H, M, X=None):
        """f_Y of the state and the observation, and as much of the last report as holds."""
        X = self.net.f_AT.empty if X is None else X
        still = torch.nn.functional.softplus(self.net.keep(torch.cat([H, M[-1:]])[None]))[0]
        return self.net.f_Y(H[None], M[None], X[None])[0] + still * M[:-1]

    def step(self, t, shown):
        """What is read in step t about whom; the states go on."""
        here = [i for step, i in self.active if step == t]
        asked = {int(i) for i in self.e.post_user[self.e.step["post"] == t]}
        reports = {}
        for space, labels in self.group.labels.items():
            for k in np.flatnonzero(labels.step == t):
                asked.add(int(labels.user[k]))
                point = self.model.readings.reported(space, torch.tensor(labels.target[k : k + 1]).double())[0]
                reports.setdefault(int(labels.user[k]), []).append(point)
        forecast = {i: self.Y(self.moved(t, i, seen=False)[0], self.M[i]) for i in asked}
        moved = {i: self.moved(t, i, seen=True) for i in here}
        recognition = {i: self.Y(moved[i][0], self.M[i], self.X(t, i)) for i in asked}
        for i, (H, A) in moved.items():
            self.H[i] = H
            self.A |= A
        for i, points in reports.items() if shown else ():
            point = sum(points) / len(points)
            self.H[i] = self.net.f_P(self.H[i][None], point[None])[0]
            self.M[i] = torch.cat([point, torch.ones(1).double()])
        return forecast, recognition

    def state(self):
        return State(*(torch.stack(list(table.values())) for table in (self.H, self.A, self.M)))


def unrolled(model, group, vectors, shown=None, first=0, last=None, state=None):
    """{(step, user): Y} of forecast and recognition, and the state at the end."""
    state = model.network.initial(len(group.users), group.pairs) if state is None else state
    forecast, recognition = {}, {}
    for said in model.unroll(Batch(group, dtype=vectors.dtype), vectors, state, first, last, shown):
        for k, user in enumerate(said.step.silent.user.tolist()):
            forecast[said.step.number, user] = said.forecast[k]
            recognition[said.step.number, user] = said.recognition[k]
        state = said.state
    return forecast, recognition, state


@pytest.mark.parametrize("shown", [None, every_report])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_step_is_the_literal_one(world, precise, shown, seed):
    timeline, vectors = world(seed=seed)
    model, vectors, group = precise, vectors.double(), timeline.group()
    assert len(group.events.pair) > 50
    forecast, recognition, state = unrolled(model, group, vectors, shown)
    literal, number = Literal(model, group, vectors), 0
    for t in range(group.first_step, group.first_step + group.steps):
        before, now = literal.step(t, shown)
        for i in before:
            assert_close(forecast[t, i], before[i], **ROUNDED)
            assert_close(recognition[t, i], now[i], **ROUNDED)
            number += 1
    assert number == len(forecast) == len(recognition) > 20
    for got, wanted in zip(state, literal.state(), strict=True):
        assert_close(got, wanted, **ROUNDED)
    assert (state.M[:, -1].sum() > 0) == (shown is not None)


def test_a_neighbour_left_out_is_the_step_without_that_pair(world, precise):
    timeline, vectors = world()
    model, vectors, group = precise, vectors.double(), timeline.group()
    literal, checked, alone = Literal(model, group, vectors), 0, 0
    batch, state = Batch(group, dtype=torch.float64), model.network.initial(len(group.users), group.pairs)
    for followed in model.follow(batch, vectors, state):
        view, t = followed.step.seen, followed.step.number
        real, without = model.network.with_and_without(followed.before, view, vectors)
        assert_close(real, followed.H[view.target])
        rows = np.flatnonzero(group.events.step["pair"] == t)
        for k, q in enumerate(rows):
            i = int(group.events.pair_target[q])
            assert_close(without[k], literal.moved(t, i, seen=True, left_out=q)[0], **ROUNDED)
            checked, alone = checked + 1, alone + (len(literal.pairs_of(t, i)) == 1)
        literal.step(t, shown=False)
    assert checked == len(group.events.pair)
    assert alone > 0


def test_whom_nothing_touched_keeps_state_and_memory(world, model):
    timeline, vectors = world()
    group = timeline.group()
    state = model.network.initial(len(group.users), group.pairs)
    for followed in model.follow(Batch(group), vectors, state, shown=every_report):
        seen = followed.step.seen
        others = torch.ones(len(group.users), dtype=torch.bool).index_fill(0, seen.user, False)
        other_pairs = torch.ones(group.pairs, dtype=torch.bool).index_fill(0, seen.pair, False)
        assert torch.equal(followed.before.H[others], followed.state.H[others])
        assert torch.equal(followed.before.M[others], followed.state.M[others])
        assert torch.equal(followed.before.A[other_pairs], followed.state.A[other_pairs])


@pytest.mark.parametrize("cut", [0, 1, 4, 9, 10])
def test_cut_anywhere_and_resumed_is_one_run(world, model, cut):
    timeline, vectors = world()
    group = timeline.group()
    whole = unrolled(model, group, vectors, every_report)
    first = unrolled(model, group, vectors, every_report, 0, cut)
    second = unrolled(model, group, vectors, every_report, cut, None, first[2])
    assert (first[0] | second[0]).keys() == whole[0].keys()
    for kind in (0, 1):
        for key, Y in (first[kind] | second[kind]).items():
            assert torch.equal(Y, whole[kind][key])
    assert all(torch.equal(a, b) for a, b in zip(second[2], whole[2], strict=True))


def by_name(timeline, group, found):
    names = timeline.users["user_id"].to_list()
    return {(step, names[group.users[i]]): Y for (step, i), Y in found.items()}


def readings_by_name(model, timeline, vectors, networks=None, shown=every_report):
    group = timeline.group(networks)
    forecast, recognition, _ = unrolled(model, group, vectors, shown)
    return by_name(timeline, group, forecast), by_name(timeline, group, recognition)


def same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        assert_close(one[key], other[key])


def test_networks_side_by_side_are_the_same_networks_alone(world, model):
    timeline, vectors = world()
    together = readings_by_name(model, timeline, vectors)
    alone = [readings_by_name(model, timeline, vectors, [k]) for k in range(2)]
    for kind in (0, 1):
        same(together[kind], alone[0][kind] | alone[1][kind])


def renamed(log, names):
    def one(value):
        return names.get(value, value) if isinstance(value, str) else value

    return {table: [tuple(map(one, row)) for row in rows] for table, rows in log.items()}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_users_and_pairs_does_not_matter(world, small_rows, model, seed):
    log = small_rows()
    names = sorted({row[0] for row in log["interactions"]} | {row[1] for row in log["posts"]})
    shuffled = dict(
        zip(names, np.random.default_rng(seed).permutation([f"u{k}" for k in range(len(names))]).tolist(), strict=True)
    )
    before = readings_by_name(model, *world(most=8))  # a sample of neighbours hangs on their names
    after = readings_by_name(model, *world(renamed(log, shuffled), most=8))
    for kind in (0, 1):
        same({(step, shuffled.get(name, name)): Y for (step, name), Y in before[kind].items()}, after[kind])


def test_the_code_of_time():
    for elapsed in (-1.0, 0.0, 1.0, 30.0):
        assert_close(elapsed_code(torch.tensor([elapsed]).double())[0], code(elapsed))


def test_forecasts_beyond_the_end_are_silent_steps(world, precise):
    timeline, vectors = world()
    model, vectors = precise, vectors.double()
    found = trace(model, timeline, vectors, every_report, horizon=3)
    group = timeline.group()
    e = group.events
    _, recognition, state = unrolled(model, group, vectors, every_report)
    now = {
        (int(t), int(i)): found.Y[k]
        for k, (t, i) in enumerate(zip(found.step, found.user, strict=True))
        if found.horizon[k] == 0
    }
    assert len(now) == len(e.active_user)
    for key, Y in recognition.items():
        np.testing.assert_allclose(now[key], Y, atol=1e-6)
    touched = {i: max(int(t) for t in e.step["active"][e.active_user == i]) for i in range(len(group.users))}
    last_of = {n: max(touched[i] for i in touched if group.network[i] == n) for n in (0, 1)}
    met = {int(p): int(e.step["pair"][e.pair == p].max()) for p in np.unique(e.pair)}
    net, H, A = model.network, list(state.H), list(state.A)
    pair_of = {(int(j), int(i)): int(p) for j, i, p in zip(e.pair_source, e.pair_target, e.pair, strict=True)}
    for k in (1, 2, 3):
        new_H, new_A = list(H), list(A)
        for i in range(len(group.users)):
            end = last_of[group.network[i]]
            near = np.flatnonzero((e.step["pair"] == touched[i]) & (e.pair_target == i))
            R_rows = []
            for q in near:
                p, j = int(e.pair[q]), int(e.pair_source[q])
                since = code(end - met[p] + 1 if k == 1 else 1)
                back = A[pair_of[i, j]] if (i, j) in pair_of else net.A_0
                I = (torch.zeros(1, 7), torch.zeros(1, net.config.observed), back[None], since[None])
                new_A[p] = net.f_A(A[p][None], H[i][None], H[j][None], *(part.double() for part in I))[0]
                R_rows.append((H[j], new_A[p]))
            R = Literal.attended(net.f_G, H[i], R_rows, e.pair_chance[near, 0].tolist())
            X = net.f_AT.empty
            since = code(end - touched[i] + 1 if k == 1 else 1)
            new_H[i] = net.f_H(H[i][None], X[None], R[None], torch.zeros(1, 3).double(), since[None])[0]
        H, A = new_H, new_A
        rows = np.flatnonzero(found.horizon == k)
        assert sorted(found.user[rows].tolist()) == list(range(len(group.users)))
        for row in rows:
            i = int(found.user[row])
            assert found.step[row] == last_of[group.network[i]] + k
            literal = Literal(model, group, vectors).Y(H[i], state.M[i])
            np.testing.assert_allclose(found.Y[row], literal, atol=1e-5)


def test_states_before_a_step_are_those_that_the_step_starts_from(world, model):
    timeline, vectors = world()
    group = timeline.group()
    users, steps = (grid.ravel() for grid in np.meshgrid(np.arange(len(group.users)), np.arange(13)))
    order = np.random.default_rng(0).permutation(len(users))
    users, steps = users[order], steps[order]
    H, M = states_before(model, timeline, vectors, every_report, users, steps)
    state = model.network.initial(len(group.users), group.pairs)
    by_step, end = {}, state
    for followed in model.follow(Batch(group), vectors, state, shown=every_report):
        by_step[followed.step.number], end = followed.before, followed.state
    for k, (user, step) in enumerate(zip(users, steps, strict=True)):
        at = next((by_step[number] for number in sorted(by_step) if number >= step), end)  # nothing moves in idle ones
        np.testing.assert_allclose(H[k], at.H[user], atol=1e-6)
        np.testing.assert_allclose(M[k], at.M[user], atol=1e-6)


def test_who_comes_back_after_a_year_is_told_how_long_it_was_and_keeps_the_state(world, model):
    log = {"posts": [("p0", "a", 0, {}), ("q0", "b", 0, {}), ("p1", "a", 400, {}), ("q1", "b", 1, {})]}
    timeline, vectors = world(log)
    group = timeline.group()
    followed = {each.step.number: each for each in model.follow(Batch(group), vectors, model.network.initial(2, 0))}
    assert set(followed) == {0, 1, 400}  # years without anybody cost nothing
    assert torch.equal(followed[1].state.H[0], followed[0].state.H[0])
    late = followed[400]
    assert late.step.seen.elapsed.tolist() == [400.0]
    assert late.state.H.isfinite().all()
    sooner = late.step.seen._replace(elapsed=torch.tensor([1.0]))
    assert not torch.allclose(model.network.advance(late.before, sooner, vectors).H, late.H)


def test_a_user_never_seen_starts_as_anybody_does(world, model):
    """Cold start: the first post of a newcomer is read as any newcomer's would be, whoever else is there."""
    log = {"posts": [("p", "new", 3, {})]}
    crowd = {"posts": [*log["posts"], *((f"c{k}", f"old{k % 3}", k % 3, {}) for k in range(9))]}
    alone, among = (readings_by_name(model, *world(rows)) for rows in (log, crowd))
    key = (0, "new")  # steps count from the first of the log
    assert_close(among[1][3, "new"], alone[1][key])
    assert_close(among[0][3, "new"], alone[0][key])


def test_a_pair_that_will_meet_later_is_as_one_that_never_will(world, model):
    """The influence the other way round is that of pairs which have met: a row of the state table must not tell."""
    first = [("xa", "xb", 1, "like", {"network": "x"})]
    tie = [("xb", "xa", None, None, {"network": "x"}), ("xa", "xb", 6, None, {"network": "x"})]
    posts = [("p0", "xb", 0, {"network": "x"}), ("p1", "xb", 2, {"network": "x"}), ("p2", "xa", 8, {"network": "x"})]
    timeline, _ = world({"posts": posts, "ties": tie, "interactions": first})
    backs = {step.number: step.seen.back.tolist() for step in Batch(timeline.group()).steps() if len(step.seen.pair)}
    assert backs[0] == [-1]  # a looks at nobody yet
    assert all(back >= 0 for back in backs[2])
