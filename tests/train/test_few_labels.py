"""Posts without a label teach what is said next, and only those of the training part."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from emotide.model import Batch
from emotide.train import TrainConfig, fit
from emotide.train.fit import _batches, _train_posts, last_train_step

CONFIG = TrainConfig(epochs=1, updates=1, reports=0.0)


def dialogue(network, split, steps=6, labelled=False):
    more = {"network": network}
    posts = [(f"{network}{k}", "ab"[k % 2], k, more | {"split": split}) for k in range(steps)]
    told = [("a", 0, "positive", more | {"space": "polarity", "post_id": f"{network}0"})] if labelled else []
    return posts, told


@pytest.fixture(scope="module")
def dialogues(compiled):
    """Of train one dialogue with a label and two without, of dev one with a label, of test one without."""
    parts = [
        dialogue("t0", "train", labelled=True),
        dialogue("t1", "train"),
        dialogue("t2", "train", steps=9),
        dialogue("v0", "dev", labelled=True),
        dialogue("w0", "test"),
    ]
    return compiled(
        "turn", posts=[row for rows, _ in parts for row in rows], labels=[row for _, rows in parts for row in rows]
    )


def test_every_network_of_the_training_part_is_gone_over_and_no_other(dialogues):
    chosen = sorted(n for group in _batches(dialogues, ["polarity"], CONFIG, np.random.default_rng(0)) for n in group)
    assert [dialogues.networks["network"][n] for n in chosen] == ["t0", "t1", "t2"]


def test_a_batch_ends_with_its_last_training_post(dialogues, compiled):
    train = _train_posts(dialogues)
    assert last_train_step(Batch(dialogues.group([0, 1])), train) == 6
    assert last_train_step(Batch(dialogues.group([0, 1, 2])), train) == 9
    # by time: labels until step 3 of 10, and what is said later is of dev and test
    rows = [(f"p{k}", "a", k) for k in range(10)]
    told = [("a", k, "positive", {"space": "polarity"}) for k in range(10)]
    timeline = compiled(posts=rows, labels=told)
    labels = timeline.labels["polarity"]
    end = int(labels.step[labels.split == 0].max()) + 1
    assert last_train_step(Batch(timeline.group()), _train_posts(timeline)) == end < 10


def test_what_is_said_next_is_learned_without_labels(dialogues, untrained):
    """The posts of the dialogues without labels reach the weights; those of dev and test do not."""
    vectors = torch.randn(len(dialogues.posts), 3, generator=torch.Generator().manual_seed(0))
    network = dialogues.posts["network"].to_numpy()
    model = untrained(dialogues, 3)

    def learned(vectors):
        taught = deepcopy(model)
        fit(taught, dialogues, vectors, CONFIG)
        return taught.state_dict()

    plain = learned(vectors)
    for name, moves in (("t1", True), ("v0", False), ("w0", False)):
        other = vectors.clone()
        other[torch.from_numpy(network == name)] += 1.0
        changed = learned(other)
        same = all(torch.equal(plain[key], changed[key]) for key in plain)
        assert same != moves, name
