import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotide.errors import BadInput
from emotide.recommend import Held, QConfig, Recommender, recommender
from emotide.recommend.guard import DEFAULT, Guard, Rule, recovered

TAGS = ["music,bleak", "Ad", "calm, AD", None, "films", "bleak,ad"]
LOW = Rule(name="low", classes=["bleak"], pleasure_below=-0.2, readings=3)
ADS = Rule(name="ads", classes=["ad"], pleasure_below=-0.2)
CAP = Rule(name="cap", classes=["bleak"], at_most=1, of_last=3)
BOTH = Rule(name="both", classes=["*"], pleasure_below=0.0, readings=2, at_most=2, of_last=4)


def test_the_rules_that_come_with_it_bar_bleak_things_and_ads():
    guard = Guard.read()
    belongs = guard.belongs(TAGS)
    candidates = np.tile(np.arange(6), (3, 1))
    pleasure = np.array([[-0.5, -0.4, -0.3], [0.1, -0.4, -0.3], [0.5, 0.5, 0.5]])
    got = guard.verdict(pleasure, np.zeros((3, 0), int), candidates, belongs)
    assert got.allowed.tolist() == [[0, 0, 0, 1, 1, 0], [1, 0, 0, 1, 1, 0], [1] * 6]
    assert got.rule.tolist()[0] == [0, 1, 1, -1, -1, 0]  # the first rule that bars it
    assert (guard.readings, guard.shown) == (3, 9)


def barred(rule: Rule, tags: set[str], pleasure: list[float], recent: list[set[str]]) -> bool:
    """One rule on one item, slow and literal."""
    mine = lambda own: "*" in rule.classes or bool(set(rule.classes) & own)  # noqa: E731
    if not mine(tags):
        return False
    low = True
    if rule.pleasure_below is not None:
        low = len(pleasure) >= rule.readings and all(p < rule.pleasure_below for p in pleasure[-rule.readings :])
    full = True
    if rule.at_most is not None:
        last = [*recent, tags][-rule.of_last :]
        full = sum(map(mine, last)) > rule.at_most
    return low and full


@settings(max_examples=60)
@given(st.lists(st.sampled_from([LOW, ADS, CAP, BOTH]), max_size=4), st.integers(0, 2**31))
def test_a_verdict_is_every_rule_on_every_item(rules, seed):
    rng, guard = np.random.default_rng(seed), Guard(tuple(rules))
    users, some = 5, 4
    pleasure = rng.uniform(-1, 0.5, (users, 4))
    pleasure[rng.random(users) < 0.3, :2] = np.nan
    recent, candidates = rng.integers(-1, 6, (users, 5)), rng.integers(-1, 6, (users, some))
    recent = np.where(np.arange(5) < rng.integers(0, 5, (users, 1)), -1, recent.clip(min=0))
    sets = [{tag.strip().casefold() for tag in (text or "").split(",")} for text in TAGS]
    got = guard.verdict(pleasure, recent, candidates, guard.belongs(TAGS))
    for u in range(users):
        read, shown = [p for p in pleasure[u] if p == p], [sets[k] for k in recent[u] if k >= 0]
        for k, item in enumerate(candidates[u]):
            by = [n for n, rule in enumerate(rules) if item >= 0 and barred(rule, sets[item], read, shown)]
            assert got.allowed[u, k] == (item >= 0 and not by)
            if item >= 0:
                assert got.rule[u, k] == (by[0] if by else -1)


def test_no_rule_is_broken_in_a_hundred_thousand_decisions():
    rng = np.random.default_rng(0)
    guard, items, users = Guard.read(), 40, 2000
    tags = rng.choice(["bleak", "ad", "funny", "calm", "music,bleak"], items).tolist()
    belongs = guard.belongs(tags)
    made = Recommender.new(4, rng.normal(size=(items, 3)), QConfig(width=8))
    recent, pleasure = np.full((users, guard.shown), -1), np.full((users, guard.readings), np.nan)
    bleak, ad = np.array(["bleak" in t for t in tags]), np.array([t == "ad" for t in tags])
    broken = decisions = low_ones = 0
    for _ in range(50):
        pleasure = np.concatenate([pleasure, rng.uniform(-1, 0.4, (users, 1))], 1)[:, -3:]
        candidates = np.stack([rng.permutation(items)[:15] for _ in range(users)])
        allowed = guard.verdict(pleasure, recent, candidates, belongs).allowed
        H = rng.normal(size=(users, 4)).astype(np.float32)
        item = made.choose(H, candidates, epsilon=0.5, allowed=allowed, rng=rng).item[:, 0]
        shown = item >= 0
        lasting = (np.nan_to_num(pleasure, nan=1.0) < -0.2).all(1)
        low = pleasure[:, -1] < -0.2
        broken += (shown & lasting & bleak[item]).sum() + (shown & low & ad[item]).sum()
        recent = np.concatenate([recent, item[:, None]], 1)[:, -guard.shown :]
        window = np.concatenate([recent], 1)[:, -10:]
        broken += ((bleak[window] & (window >= 0)).sum(1) > 4).sum()
        decisions, low_ones = decisions + users, low_ones + lasting.sum()
    assert decisions == 100_000
    assert low_ones > 10_000
    assert broken == 0


@pytest.mark.parametrize("many", [False, True])
def test_no_slate_holds_more_than_a_cap_leaves(monkeypatch, many):
    if many:
        monkeypatch.setattr(recommender, "ALL", 10)
    rng = np.random.default_rng(2)
    guard, items, users = Guard((CAP, BOTH)), 30, 200
    tags = rng.choice(["bleak", "calm", "funny"], items).tolist()
    made = Recommender.new(4, rng.normal(size=(items, 3)), QConfig(width=8))
    recent, pleasure = rng.integers(-1, items, (users, guard.shown)), rng.uniform(-0.5, 0.5, (users, guard.readings))
    held = Held(guard, pleasure, recent, guard.belongs(tags))
    H = rng.normal(size=(users, 4)).astype(np.float32)
    free, got = (made.recommend(H, 6, 0.3, held=one, rng=np.random.default_rng(3)) for one in (None, held))
    sets = [{tag} for tag in tags]

    def broken(item: np.ndarray) -> int:
        wrong = 0
        for u in range(users):
            shown = [sets[k] for k in recent[u] if k >= 0]
            for k in item[u][item[u] >= 0]:  # rank by rank, what stands above counts as shown
                wrong += any(barred(rule, sets[k], list(pleasure[u]), shown) for rule in guard.rules)
                shown.append(sets[k])
        return wrong

    assert broken(free.item) > 50
    assert broken(got.item) == 0
    assert (got.item >= 0).mean() > 0.4


def test_the_best_of_a_capped_class_stay_and_probabilities_are_of_what_is_left():
    guard, belongs = Guard((CAP,)), Guard((CAP,)).belongs(["bleak"] * 4 + ["calm"] * 2)
    held = Held(guard, np.zeros((1, 0)), np.full((1, 2), -1), belongs)
    values, every = np.array([[0.1, 0.9, 0.5, 0.4, 0.3, 0.2]]), np.arange(6)[None]
    got = held.slates(every, values, np.ones((1, 6), bool), 3)
    assert got.allowed.tolist() == [[False, True, False, False, True, True]]
    assert got.rule.tolist() == [[0, -1, 0, 0, -1, -1]]
    assert held.slates(every, values, np.ones((1, 6), bool), 1).allowed.all()


def test_recovery_pays_only_below_nought():
    before, after = np.array([-0.5, -0.5, 0.2, 0.2, -0.1]), np.array([-0.2, 0.4, 0.9, -0.3, -0.1])
    np.testing.assert_allclose(recovered(np.ones(5), before, after, 2.0), [1.6, 2.0, 1.0, 0.4, 1.0])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rule = 3", "holds"),
        ("[[rules]]\nname = 'a'", "this one has rules"),
        ("[[rule]]\nname = 'a'\nclasses = ['b']", "wants pleasure_below, at_most or both"),
        ("[[rule]]\nname = 'a'\nclasses = ['b']\nmood = 'sad'\nat_most = 1", "rule 1, mood"),
        (
            "[[rule]]\nname = 'a'\nclasses = ['b']\nat_mots = 1",
            "rule 1, at_mots: field of a rule 'at_mots' is not known; did you mean 'at_most'",
        ),
        ("[[rule]", "not a readable file of rules"),
    ],
)
def test_a_wrong_rule_reads_well(tmp_path, text, wanted):
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=wanted):
        Guard.read(file)
    with pytest.raises(BadInput, match="not a readable"):
        Guard.read(tmp_path / "nowhere.toml")


def test_the_file_that_comes_with_it_lies_in_the_package():
    assert DEFAULT.is_file()
