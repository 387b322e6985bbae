"""The fast step is the plain one, in every value and in the gradient of every parameter, whatever the network is.

The plain one is in torch's own operations, row by row, written from docs/paper.md and not from the code.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from emotide.model import Batch, FusedNetwork, NetworkConfig, State, View
from emotide.model.window import Windows

WIDTH, KINDS = 4, 2
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
PLANS = st.sampled_from(["none", "regular", "dense", {"f_H": ((0, 2),), "f_A": ()}])


def residual(net, u, member=0):
    """h_j = silu(W_j h_{j-1}) + Σ g_ij h_i of one row, then the last layer."""
    width = net.hidden.shape[-1]
    own = slice(member * width, (member + 1) * width)
    h = [u @ net.first[:, own] + net.first_bias[own]]
    for j in range(1, net.depth + 1):
        inner = h[j - 1] @ net.hidden[j - 1, member] + net.hidden_bias[j - 1, member, 0]
        new = functional.silu(inner / (inner.square().mean() + 1e-6).sqrt() if net.normalised else inner)
        for gate, (i, to) in zip(net.gates, net.plan.shortcuts, strict=True):
            new = new + gate * h[i] if to == j else new
        h.append(new)
    return h[-1] @ net.last[member] + net.last_bias[member, 0]


def cell(net, s, *u):
    """(1) to (4) of one row."""
    if hasattr(net, "cell"):
        return net.cell(torch.cat(u)[None], s[None])[0]
    su = torch.cat([s, *u])
    z, r = torch.sigmoid(residual(net.f12, su, 0)), torch.sigmoid(residual(net.f12, su, 1))
    return (1 - z) * s + z * torch.tanh(residual(net.f3, torch.cat([r * s, *u])))


def attention(net, owner, rows, chances):
    """Σ α v over the rows of one owner, every head over its share of the coordinates."""
    if not rows:
        return net.empty
    said = [residual(net.row, row) for row in rows]
    query, parts = net.query(owner[None])[0], []
    for head in range(net.heads):
        keys = slice(head * net.keys, (head + 1) * net.keys)
        start = net.heads * net.keys + head * net.share
        scores = [
            (0.0 if net.uniform else (query[keys] @ row[keys]) / math.sqrt(net.keys)) - math.log(chance)
            for row, chance in zip(said, chances, strict=True)
        ]
        alpha = torch.stack([torch.as_tensor(score, dtype=owner.dtype) for score in scores]).softmax(0)
        parts.append(sum(a * row[start : start + net.share] for a, row in zip(alpha, said, strict=True)))
    return torch.cat(parts)


def code(elapsed):
    """The time since a state last changed, -1 for never."""
    if elapsed < 0:
        return torch.tensor([0.0, 0.0, 0.0, 1.0]).double()
    return torch.tensor([math.log1p(elapsed) / 4, math.exp(-elapsed / 2), math.exp(-elapsed / 14), 0.0]).double()


def step(net, state, view, vectors):
    """H and X of the view's users, A of its pairs, and the readings Y of the users, after the step."""
    users, pairs, c = range(len(view.user)), range(len(view.pair)), net.config
    H = [state.H[view.user[i]] for i in users]
    X = []
    for i in users:
        posts = [vectors[view.post[p]] for p in range(len(view.post)) if view.owner[p] == i]
        X.append(attention(net.f_AT, H[i], posts, [1.0] * len(posts)))
    A, R = [], []
    for q in pairs:
        i, j = view.target[q], state.H[view.near[view.source[q]]]
        said = X[view.spoke[q]] if view.spoke[q] >= 0 else torch.zeros(c.observed).double()
        back = state.A[view.back[q]] if view.back[q] >= 0 else net.A_0
        contact = [view.kinds[q], *([said] if c.said else []), *([back] if c.reciprocal else [])]
        old = state.A[view.pair[q]]
        A.append(cell(net.f_A, old, H[i], j, *contact, code(float(view.pair_elapsed[q]))) if c.neighbours else old)
    for i in users:
        near = [q for q in pairs if view.target[q] == i and c.neighbours]
        rows = [torch.cat([state.H[view.near[view.source[q]]], A[q]]) for q in near]
        R.append(attention(net.f_G, H[i], rows, [float(view.chance[q]) for q in near]))
    new = [cell(net.f_H, H[i], X[i], R[i], view.counts[i], code(float(view.elapsed[i]))) for i in users]
    Y = []
    for i in users:
        M = state.M[view.user[i]]
        still = functional.softplus(net.keep(torch.cat([new[i], M[-1:]])[None]))[0]
        Y.append(residual(net.f_Y, torch.cat([new[i], M, X[i]])) + still * M[:-1])
    return new, A, X, Y


@st.composite
def sizes(draw):
    """Any sizes, shortcuts and switches."""
    heads = draw(st.integers(1, 2))
    return dict(
        state=draw(st.integers(4, 6)), influence=draw(st.integers(2, 4)), observed=2 * heads * draw(st.integers(2, 3)),
        affect=5, width=draw(st.integers(4, 6)), pair_width=draw(st.integers(4, 5)), depth=draw(st.integers(2, 3)),
        plan=draw(PLANS), heads=heads, cell=draw(st.sampled_from(["deep", "deep", "gru"])),
        **{name: draw(st.booleans()) for name in ("neighbours", "attention", "said", "reciprocal", "normalised")},
    )  # fmt: skip


def drawn_network(config, seed):
    """Every parameter drawn at random."""
    network = FusedNetwork(config, WIDTH, KINDS).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.5, generator=generator)
    return network


def drawn_world(c, users, pairs, active, near, posts, rows, seed):
    """A state of some users and pairs, and a step that touches some of them."""
    generator = torch.Generator().manual_seed(seed)

    def some(high, size, low=0):
        return torch.randint(low, high, (size,), generator=generator)

    def real(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    state = State(2 * real(users, c.state) - 1, 2 * real(pairs, c.influence) - 1, real(users, c.affect + 1))
    view = View(
        user=torch.randperm(users, generator=generator)[:active], elapsed=some(4, active, -1).double(),
        counts=real(active, 3), post=some(3, posts), owner=some(max(active, 1), posts).sort().values,
        pair=torch.randperm(pairs, generator=generator)[:rows],
        near=torch.randperm(users, generator=generator)[:near], source=some(near, rows),
        target=some(max(active, 1), rows).sort().values, pair_elapsed=some(4, rows, -1).double(),
        kinds=real(rows, KINDS + 1), spoke=some(max(active, 1), rows, -1), back=some(pairs, rows, -1),
        chance=0.1 + 0.9 * real(rows),
    )  # fmt: skip
    return state, view, real(3, WIDTH)


def weighed(columns):
    """A number that depends on every coordinate of every row in a way of its own."""
    flat = torch.cat([torch.as_tensor(column).reshape(-1) for column in columns])
    return (flat * torch.linspace(0.5, 1.5, len(flat)).double()).sum() + flat.square().sum()


@settings(max_examples=40, deadline=None)
@given(sizes(), st.integers(1, 5), st.integers(1, 6), st.data(), st.integers(0, 999))
def test_values_and_all_gradients_are_those_of_the_plain_step(chosen, users, pairs, data, seed):
    config = NetworkConfig(**chosen)
    active, near = data.draw(st.integers(0, users)), data.draw(st.integers(1, users))
    posts, rows = (data.draw(st.integers(0, most if active else 0)) for most in (4, pairs))
    network = drawn_network(config, seed)
    state, view, vectors = drawn_world(config, users, pairs, active, near, posts, rows, seed)
    state, vectors = State(*(part.requires_grad_() for part in state)), vectors.requires_grad_()
    sources = [*network.parameters(), *state, vectors]
    moved = network.advance(state, view, vectors)
    Y = network.read(moved.H, state.M[view.user], moved.X)
    fast = (moved.H, moved.A, moved.X, Y)
    plain = [torch.stack(rows) if rows else torch.zeros(0).double() for rows in step(network, state, view, vectors)]
    for got, wanted in zip(fast, plain, strict=True):
        assert_close(got, wanted.reshape(got.shape), **CLOSE)
    found, expected = (
        torch.autograd.grad(weighed([*columns, 0 * state.H]), sources, allow_unused=True, materialize_grads=True)
        for columns in (fast, plain)
    )
    for got, wanted in zip(found, expected, strict=True):
        assert_close(got, wanted, **CLOSE)


@settings(max_examples=40, deadline=None)
@given(sizes(), st.integers(1, 5), st.integers(1, 6), st.data(), st.integers(0, 999))
def test_values_without_gradients_are_those_with_them(chosen, users, pairs, data, seed):
    config = NetworkConfig(**chosen)
    active, near = data.draw(st.integers(0, users)), data.draw(st.integers(1, users))
    posts, rows = (data.draw(st.integers(0, most if active else 0)) for most in (4, pairs))
    network = drawn_network(config, seed)
    state, view, vectors = drawn_world(config, users, pairs, active, near, posts, rows, seed)
    before = [part.clone() for part in (*state, vectors)]
    with_gradients = network.advance(state, view, vectors)
    with torch.no_grad():
        without = network.advance(state, view, vectors)
        Y = network.read(without.H, state.M[view.user], without.X)
    for got, wanted in zip(without, with_gradients, strict=True):
        assert_close(got, wanted, **CLOSE)
    assert_close(Y, network.read(with_gradients.H, state.M[view.user], with_gradients.X), **CLOSE)
    assert all(torch.equal(part, was) for part, was in zip((*state, vectors), before, strict=True))


@pytest.mark.parametrize(("first", "last"), [(0, 10), (3, 4), (5, 9)])
def test_a_window_is_the_same_steps_on_tables_of_its_own(world, model, first, last):
    timeline, vectors = world()
    batch = Batch(timeline.group())
    start = model.network.initial(len(batch.group.users), batch.group.pairs)
    *_, before = model.unroll(batch, vectors, start, 0, first) if first else [None]
    state = before.state if before else start
    more = torch.tensor([0, 0, 2]), torch.tensor([1])
    whole = list(model.unroll(batch, vectors, state, first, last))
    window = Windows(batch).window(first, last, [more[0]], [more[1]])
    small = list(model.unrolled(window.steps, vectors, window.taken(state)))
    assert len(window.users.rows) == len(set(window.users.rows.tolist())) <= len(batch.group.users)
    assert window.users.rows[window.users.place(more[0])].tolist() == more[0].tolist()
    for one, other in zip(whole, small, strict=True):
        for name in ("forecast", "recognition", "expected"):
            assert_close(getattr(one, name), getattr(other, name))
    after = State(*(part.clone() for part in state))
    window.put(after, small[-1].state)
    for got, wanted in zip(after, whole[-1].state, strict=True):
        assert_close(got, wanted)


def test_an_owned_state_is_advanced_in_place_to_the_same_end(world, model):
    timeline, vectors = world()
    batch = Batch(timeline.group())
    kept, given = (model.network.initial(len(batch.group.users), batch.group.pairs) for _ in range(2))
    with torch.no_grad():
        for one, other in zip(
            model.follow(batch, vectors, kept), model.follow(batch, vectors, given, owned=True), strict=True
        ):
            assert all(torch.equal(a, b) for a, b in zip(one.before, other.before, strict=True))
            assert torch.equal(one.H, other.H)
            kept = one.state
    assert all(torch.equal(a, b) for a, b in zip(kept, given, strict=True))
