"""Several spaces in one log teach one network; what one teaches is read in the others (DESIGN 3.5)."""

import numpy as np
import pytest
import torch

from emotide.timeline import SPLITS
from emotide.train import TrainConfig, answers, fit, scores

TEST = SPLITS.index("test")
QUICK = TrainConfig(epochs=3, patience=12, learning_rate=1e-2, updates=12, averaging=0.9, reports=0.0)


@pytest.fixture(scope="module")
def two_spaces(compiled):
    """The word of a post tells whether it is a good or a bad moment; half of the people report in ekman, half in
    polarity, and some say how pleasant it is."""
    rng = np.random.default_rng(0)
    rows, said = {"posts": [], "labels": []}, {}
    for step in range(16):
        for user in range(12):
            good, name = int(rng.integers(2)), f"p{step:02}.{user:02}"
            rows["posts"].append((name, f"u{user:02}", step))
            said[name] = np.append(rng.normal(size=3), 2.0 * good - 1)
            told = (
                {"space": "ekman"}, ("sadness", "joy")[good]), ({"space": "polarity"}, ("negative", "positive")[good]
            ), ({"space": "pad"}, {"pleasure": good - 0.5})  # fmt: skip
            more, label = told[user % 3]
            rows["labels"].append((f"u{user:02}", step, label, more | {"post_id": name}))
    timeline = compiled(**rows)
    return timeline, torch.tensor(np.stack([said[name] for name in timeline.posts["post_id"]]), dtype=torch.float32)


def accuracy(model, timeline, vectors, space):
    found = answers(model, timeline, vectors, space, TEST)
    got = scores(timeline.labels[space], found, space in timeline.dimensional)["recognition"]
    return got["pearson"] if space in timeline.dimensional else got["accuracy"]


def test_each_space_is_learned_beside_the_others(two_spaces, untrained):
    timeline, vectors = two_spaces
    model = untrained(timeline, vectors.shape[1])
    fit(model, timeline, vectors, QUICK)
    for space in ("ekman", "polarity", "pad"):
        assert accuracy(model, timeline, vectors, space) > 0.9, space


def test_what_one_space_teaches_is_read_in_the_others(two_spaces, untrained):
    timeline, vectors = two_spaces
    model = untrained(timeline, vectors.shape[1])
    fit(model, timeline, vectors, QUICK.model_copy(update={"spaces": ("ekman",)}))
    model.readings.taught = {"ekman": model.readings.taught["ekman"]}  # the others had no labels in this training
    for space in ("polarity", "pad"):
        assert accuracy(model, timeline, vectors, space) > 0.8, space
