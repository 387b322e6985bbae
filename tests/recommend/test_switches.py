"""Each thing that was added to Fig. 6, against a slow literal reference or in a small world."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.nn import Gathered
from emotide.recommend import QConfig, QNetwork, Recommender, Replay, Transitions
from emotide.recommend.learn import Learner, Replayed, errors, targets, temptation

STATE, WIDTH, ITEMS = 4, 3, 6
FORMS = [
    {},
    {"dueling": True},
    {"products": True},
    {"quantiles": 5},
    {"dueling": True, "products": True, "quantiles": 3},
]


def network(seed: int = 0, context: int = 0, **changed: object) -> QNetwork:
    torch.manual_seed(seed)
    made = QNetwork(STATE, WIDTH, QConfig(width=8).model_copy(update=changed), context).double()
    made.measure(torch.randn(30, STATE).double() + 1, torch.randn(9, WIDTH).double(), torch.randn(30).double(),
                 torch.zeros(30, dtype=torch.bool), 0.5)  # fmt: skip
    return made


@pytest.mark.parametrize("form", FORMS)
def test_every_way_of_asking_gives_the_same_value(form):
    Q, H, items = network(**form), torch.randn(5, STATE).double(), torch.randn(ITEMS, WIDTH).double()
    some = torch.tensor([[0, 3], [5, 5], [1, 2], [4, 0], [2, 1]])
    scores, among = Q.scores(H, items), Q.among(H, items, some)
    assert_close(scores.gather(1, some), among)
    for u in range(5):
        for k, i in enumerate(some[u].tolist()):
            assert_close(among[u, k], Q(H[u : u + 1], items[i : i + 1])[0])
            assert_close(among[u, k], Q(H[u : u + 1], Gathered(items, torch.tensor([i])))[0])


def test_a_dueling_state_has_the_value_of_the_mean_item():
    Q, H = network(dueling=True), torch.randn(7, STATE).double()
    mean = Q.item_mean.expand(7, -1)
    assert_close(Q(H, mean), Q.reward_spread * Q.v((H - Q.state_mean) / Q.state_spread)[:, 0])


def test_products_are_linear_in_the_item():
    Q, H, a = network(products=True), torch.randn(7, STATE).double(), torch.randn(7, WIDTH).double()
    plain = Q(H, a)
    slope = Q.u((H - Q.state_mean) / Q.state_spread)
    Q.u = None
    alpha = (a - Q.item_mean) / Q.item_spread
    assert_close(plain, Q(H, a) + Q.reward_spread * (slope * alpha).sum(1))


def test_context_has_scales_of_its_own():
    H = torch.randn(200, STATE).double() * torch.tensor([1.0, 1.0, 1e-3, 1e3])
    Q = QNetwork(STATE, WIDTH, QConfig(width=8), context=2).double()
    Q.measure(H, torch.randn(9, WIDTH).double(), torch.randn(200).double(), torch.zeros(200, dtype=torch.bool), 0.0)
    assert_close(Q.state_spread[2:], H[:, 2:].std(0, correction=0))
    assert Q.state_spread[0] == Q.state_spread[1]


def some_rows(n: int = 20, seed: int = 0) -> Replayed:
    rng = np.random.default_rng(seed)
    H, after = (torch.from_numpy(rng.normal(size=(n, STATE))) for _ in range(2))
    candidates, following = (torch.from_numpy(rng.integers(-1, ITEMS, (n, 3))) for _ in range(2))
    candidates[:, 0] = following[:, 0] = torch.arange(n) % ITEMS
    reward, done = torch.from_numpy(rng.normal(size=n)), torch.from_numpy(rng.random(n) < 0.3)
    ahead = torch.from_numpy(rng.integers(1, 4, n))
    return Replayed(H, candidates[:, 0], reward, after, done, candidates, following, ahead)


@pytest.mark.parametrize("form", FORMS)
def test_targets_look_among_the_next_candidates_and_as_far_ahead_as_was_summed(form):
    Q, slow, rows = network(0, **form), network(1, **form), some_rows()
    items, every = torch.randn(ITEMS, WIDTH).double(), torch.ones(ITEMS, dtype=torch.bool)
    m = targets(Q, slow, rows, items, every, 0.7)
    for t in range(20):
        wanted = rows.reward[t]
        if not rows.done[t]:
            after, may = rows.next_state[t : t + 1], [i for i in rows.next_candidates[t].tolist() if i >= 0]
            best = max(may, key=lambda i, after=after: Q(after, items[i : i + 1]).item())
            wanted = wanted + 0.7 ** rows.ahead[t] * slow.outcomes(after, items[best : best + 1])[0]
        assert_close(m[t].reshape(-1), wanted.detach().reshape(-1).expand(m[t].numel()))


def test_quantiles_of_a_return_are_found():
    torch.manual_seed(0)
    rewards = torch.tensor([0.0, 0.0, 0.0, 10.0]).repeat(64)
    config = QConfig(width=8, quantiles=4, weight_decay=0.0, discount=0.0, loss="huber")
    Q = QNetwork(1, 1, config)
    Q.reward_spread.fill_(0.05)  # far from the corner of Huber's loss it is the quantile
    H, items, n = np.zeros((256, 1), np.float32), torch.zeros(1, 1), np.zeros(256, np.int64)
    rows = Transitions(H, n, rewards.numpy(), H, n == 0, np.ones(256, np.float32))
    learner = Learner(Q, QNetwork(1, 1, config), items, torch.ones(1, dtype=torch.bool), config)
    for _ in range(900):
        learner.step(rows, 2e-2 if _ < 600 else 2e-3)
    found = Q.outcomes(torch.zeros(1, 1), items)[0]
    assert_close(found, torch.tensor([0.0, 0.0, 0.0, 10.0]), atol=0.3, rtol=0)  # τ = 1/8, 3/8, 5/8, 7/8
    assert Q(torch.zeros(1, 1), items).item() == pytest.approx(2.5, abs=0.1)


def test_quantile_loss_as_written():
    Q, rows, items = network(quantiles=3), some_rows(), torch.randn(ITEMS, WIDTH).double()
    m = torch.randn(20, 3).double()
    got, off = errors(Q, rows, m, items, "squared")
    for t in range(20):
        said = Q.outcomes(rows.state[t : t + 1], items[rows.item[t]][None])[0]
        wanted = 0.0
        for j, tau in enumerate((1 / 6, 3 / 6, 5 / 6)):
            wanted += np.mean([abs(tau - float(m[t, k] < said[j])) * ((said[j] - m[t, k]) / Q.reward_spread).item() ** 2
                               for k in range(3)])  # fmt: skip
        assert got[t].item() == pytest.approx(wanted)
        assert off[t].item() == pytest.approx(abs((said.mean() - m[t].mean()) / Q.reward_spread).item())


def test_temptation_is_the_soft_maximum_over_what_was_taken():
    Q, rows, items = network(), some_rows(), torch.randn(ITEMS, WIDTH).double()
    got = temptation(Q, rows, items, torch.ones(ITEMS, dtype=torch.bool))
    for t in range(20):
        values = [Q(rows.state[t : t + 1], items[i : i + 1]) / Q.reward_spread for i in rows.candidates[t] if i >= 0]
        taken = Q(rows.state[t : t + 1], items[rows.item[t]][None]) / Q.reward_spread
        assert_close(got[t], (torch.cat(values).logsumexp(0) - taken[0]))
    assert (got >= -1e-9).all()


def test_a_conservative_learner_does_not_trust_what_was_never_shown():
    rng = np.random.default_rng(0)
    n, vectors = 600, np.eye(4)
    H, item = rng.normal(size=(n, 2)), rng.integers(0, 3, n)  # item 3 is never shown
    log = Transitions.from_feedback(np.arange(n), np.arange(n), H, item, 1.0 + 0.1 * item + 0.05 * rng.normal(size=n))
    plain, wary = (
        Recommender.fit(
            log, vectors, QConfig(steps=300, passes=200, width=16, discount=0, conservative=c, weight_decay=0.01)
        )
        for c in (0.0, 1.0)
    )
    gap = [(got.scores(H[:50])[:, :3].mean() - got.scores(H[:50])[:, 3].mean()) for got in (plain, wary)]
    assert gap[1] > gap[0] + 0.05
    assert (wary.recommend(H[:50], 1, epsilon=0.0).item == 2).mean() > 0.9  # what is known is still told apart


# replay


def walk(first: int, n: int, users: int = 3) -> tuple[Transitions, np.ndarray]:
    """Interleaved walks of some users; every reward is the row's number, every fifth row of a user ends."""
    k = np.arange(first, first + n)
    H = np.stack([k, k], 1).astype(np.float32)
    done = (k // users) % 5 == 4
    return Transitions(H, k, k.astype(np.float32), H + users, done, np.ones(n, np.float32)), k % users


@pytest.mark.parametrize("capacity", [500, 37])
@pytest.mark.parametrize("n_step", [1, 2, 4])
def test_rewards_are_summed_along_the_same_user(capacity, n_step):
    memory = Replay(capacity, 2, n_step=n_step, discount=0.5)
    for first in range(0, 90, 6):
        memory.add(*walk(first, 6))
    rows = memory.sample(300)
    for row in range(300):
        at, total, k = int(rows.item[row]), 0.0, 0
        while True:  # slow and literal
            total += 0.5**k * at
            k += 1
            if k == n_step or (at // 3) % 5 == 4 or at + 3 >= 90:
                break
            at += 3
        assert (rows.reward[row], rows.done[row]) == (np.float32(total), (at // 3) % 5 == 4)
        assert rows.next_state[row, 0] == at + 3
        if n_step > 1:
            assert rows.ahead[row] == k


def test_a_log_is_chained_as_it_stands():
    user, k = np.repeat([0, 1], 4), np.arange(8)
    memory = Replay(20, 1, n_step=3, discount=1.0)
    memory.add(Transitions.from_feedback(user, k, k[:, None] * 1.0, k, k * 1.0))
    rows = memory.sample(200)
    sums = {0: 3, 1: 6, 2: 5, 3: 3, 4: 15, 5: 18, 6: 13, 7: 7}
    assert {(int(i), int(r)) for i, r in zip(rows.item, rows.reward, strict=True)} == set(sums.items())


def test_what_surprised_is_replayed_more_and_weighs_less():
    memory = Replay(10, 2, priority=1.0)
    memory.add(*walk(0, 10))
    memory.renew(np.arange(10), np.where(np.arange(10) < 5, 0.09, 0.89))  # 0.1 and 0.9 with what keeps all in reach
    rows = memory.sample(20_000)
    assert (rows.item >= 5).mean() == pytest.approx(0.9, abs=0.01)
    assert rows.weight.max() == 1
    weighed = np.bincount(rows.item, rows.weight, 10)
    np.testing.assert_allclose(weighed / weighed.sum(), 0.1, atol=0.01)  # no bias is left


@pytest.mark.parametrize("seen", [8, 20])
def test_what_is_stale_is_replayed_less(seen):
    memory = Replay(8, 2, half_life=2)
    memory.add(*walk(0, seen))
    counts = np.bincount(memory.sample(60_000).item, minlength=seen)[-8:]
    wanted = 0.5 ** (np.arange(8)[::-1] / 2)
    np.testing.assert_allclose(counts / counts.sum(), wanted / wanted.sum(), atol=0.01)


def test_candidates_are_kept_beside_their_row():
    memory, (rows, user) = Replay(7, 2), walk(0, 12)
    from dataclasses import replace

    own = np.stack([rows.item, rows.item + 1], 1)
    memory.add(replace(rows, candidates=own, next_candidates=own + 3), user)
    drawn = memory.sample(50)
    np.testing.assert_array_equal(drawn.candidates[:, 0], drawn.item)
    np.testing.assert_array_equal(drawn.next_candidates[:, 0], drawn.item + 3)


# the whole, online


def test_fig_6_as_it_stands_learns_from_the_newest_alone_with_the_single_estimate():
    config = QConfig(width=8, seed=1, online_every=5, half_life=3, priority=0.5).papers()
    got = Recommender.new(2, np.eye(4), config)
    got.network.measured.fill_(True)
    rows, user = walk(0, 20)
    rows = Transitions(rows.state, rows.item % 4, rows.reward, rows.next_state, rows.done, rows.propensity)
    drawn, step = [], got.learner.step
    got.learner.step = lambda new, rate: drawn.append(new) or step(new, rate)
    got.learn(rows, user)
    assert [sorted(new.reward.tolist()) for new in drawn] == [list(range(k, k + 5)) for k in range(0, 20, 5)]
    assert {config.target, config.double, config.replay} == {False}


@pytest.mark.parametrize(
    "form", [{}, {"dueling": True, "products": True, "n_step": 3, "priority": 0.5, "quantiles": 4}]
)
def test_from_nothing_to_the_best_candidate_of_each_mood(form):
    rng, taste = np.random.default_rng(0), np.array([[0.9, 0.5, 0.1, 0.2], [0.1, 0.4, 0.8, 0.3]])
    config = QConfig(width=32, discount=0.0, epsilon=0.2, online_every=20, batch=100, online_batch=100)
    got = Recommender.new(3, np.eye(4), config.model_copy(update=form), context=1)
    chosen, best = [], []
    for _ in range(130):
        mood = rng.integers(0, 2, 20)
        H = np.stack([mood, 1 - mood, rng.random(20)], 1).astype(np.float32)
        candidates = np.stack([rng.permutation(4)[:3] for _ in range(20)])
        item = got.choose(H, candidates, rng=rng).item[:, 0]
        assert (candidates == item[:, None]).any(1).all()
        reward = (rng.random(20) < taste[mood, item]).astype(np.float32)
        done, p = np.ones(20, bool), np.ones(20, np.float32)
        got.learn(Transitions(H, item, reward, H, done, p, candidates, candidates), np.arange(20))
        chosen.append(taste[mood, item].mean())
        best.append(taste[mood[:, None], candidates].max(1).mean())
    assert np.mean(best[-20:]) - np.mean(chosen[-20:]) < 0.13
    assert np.mean(best[:5]) - np.mean(chosen[:5]) > 0.15
