"""Small worlds with a known answer: the network must find it, and find nothing where there is nothing."""

import numpy as np
import pytest
import torch

from emotide.model.influence import influences
from emotide.timeline import SPLITS
from emotide.train import TrainConfig, answers, fit, scores

TEST = SPLITS.index("test")
QUICK = TrainConfig(epochs=4, patience=12, learning_rate=1e-2, updates=12, averaging=0.9, reports=0.0)


def scores_of(model, timeline, vectors):
    return scores(timeline.labels["polarity"], answers(model, timeline, vectors, "polarity", TEST), False)


def test_a_word_that_tells_the_mood_is_understood(spoken, untrained):
    timeline, vectors = spoken(users=16, steps=24)
    model = untrained(timeline, vectors.shape[1])
    fit(model, timeline, vectors, QUICK)
    got = scores_of(model, timeline, vectors)
    assert got["recognition"]["accuracy"] > 0.95
    assert got["recognition"]["auc"] > 0.95
    assert 0.35 < got["forecast"]["auc"] < 0.65  # the mood is drawn anew in every step


def test_noise_teaches_nothing(spoken, untrained):
    found = []
    for seed in range(3):
        timeline, vectors = spoken(users=24, steps=24, told=False, seed=seed)
        model = untrained(timeline, vectors.shape[1], seed)
        fit(model, timeline, vectors, QUICK.model_copy(update={"epochs": 2, "seed": seed}))
        found.append(scores_of(model, timeline, vectors))
    for kind in ("recognition", "forecast"):
        assert np.mean([got[kind]["auc"] for got in found]) == pytest.approx(0.5, abs=0.1)
        assert np.mean([got[kind]["accuracy"] for got in found]) == pytest.approx(0.5, abs=0.1)


NETWORKS, STEPS = 24, 24
MOODS = ("negative", "positive")


@pytest.fixture(scope="module")
def contagion(compiled, untrained):
    """b feels in every step what a felt in the step before, because a writes to b; c and d write too, to no effect.

    What b posts tells nothing; the same happens in many small networks.
    """
    rng = np.random.default_rng(0)
    rows, said = {"posts": [], "interactions": [], "labels": []}, {}
    for network in range(NETWORKS):
        more = {"network": f"n{network:02}"}
        felt = {user: rng.integers(0, 2, STEPS) for user in "acd"}
        felt["b"] = np.append(0, felt["a"][:-1])
        for step in range(STEPS):
            for user, moods in felt.items():
                name, mood = f"p{step:02}.{user}", int(moods[step])
                rows["posts"].append((name, user, step, more))
                rows["labels"].append((user, step, MOODS[mood], {"space": "polarity", "post_id": name} | more))
                said[more["network"], name] = [0.0 if user == "b" else 2.0 * mood - 1, 1.0]
            kinds = (("a", "letter"), ("c", "like"), ("d", "like"))
            rows["interactions"] += [(source, "b", step, kind, more) for source, kind in kinds]
    timeline = compiled(**rows)
    names = timeline.posts.select("network", "post_id").rows()
    vectors = torch.tensor([said[name] for name in names], dtype=torch.float32)
    model = untrained(timeline, 2)
    fit(model, timeline, vectors, QUICK.model_copy(update={"epochs": 8, "batch_events": 100_000}))
    return model, timeline, vectors


def test_contagion_is_foreseen(contagion):
    model, timeline, vectors = contagion
    found, labels = answers(model, timeline, vectors, "polarity", TEST), timeline.labels["polarity"]
    user = timeline.users["user_id"].to_numpy()[labels.user[found.row]]
    right = found.forecast.argmax(1) == labels.latest[found.row]
    majority = max((labels.latest[found.row][user == "b"] == mood).mean() for mood in range(3))
    assert majority < 0.65
    assert right[user == "b"].mean() > 0.95
    assert right[user != "b"].mean() < 0.65  # nobody moves the others


def test_and_whoever_caused_it_is_named(contagion):
    model, timeline, vectors = contagion
    found = influences(model, timeline, vectors, "polarity", shuffles=9)
    names = timeline.users["user_id"].to_numpy()
    source, target = names[found.source], names[found.target]
    pairs = sorted(set(zip(source.tolist(), target.tolist(), strict=True)))
    total = {pair: float(found.strength[(source == pair[0]) & (target == pair[1])].sum()) for pair in pairs}
    first, second = sorted(pairs, key=total.__getitem__, reverse=True)[:2]
    assert first == ("a", "b")
    assert total[first] > 3 * total[second]
    cause = (source == "a") & (target == "b")
    assert (found.null[cause].sum(0) < total[first]).all()  # nobody else in that place would have been as strong
    later = cause & (found.step > 0)
    posts = timeline.posts.with_row_index("row").select("user", "step", "row").rows()
    row = {(user, step): k for user, step, k in posts}
    felt = np.array(
        [vectors[row[user, step - 1], 0] for user, step in zip(found.source[later], found.step[later], strict=True)]
    )
    assert np.corrcoef(felt, found.effect[later])[0, 1] > 0.8  # a's joy lifts b, a's sorrow lowers b
