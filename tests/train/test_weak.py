"""Weak labels: whom they are given, by which lexicon, and that nothing ever takes them for truth."""

import sys

import numpy as np
import pytest
import torch

from emotide.errors import BadInput
from emotide.model import Reports
from emotide.train import TrainConfig, fit, trained_spaces
from emotide.train import weak as weak_module
from emotide.train.fit import shown_in_training
from emotide.train.weak import (
    WEAK_SPACE,
    polarities,
    script,
    weak_facts,
    weak_space,
    with_weak_labels,
    without_weak_labels,
)

CONFIG = TrainConfig(weak_labels=("vader",), weak_weight=0.25)


@pytest.fixture(scope="module")
def half_told(compiled):
    """Steps 0 to 3 of training, 4 of dev: a is labelled in step 0 and 4, the other posts are not."""
    more = {"split": "train"}
    timeline = compiled(
        "turn",
        posts=[
            ("p0", "a", 0, more),
            ("p1", "b", 1, more),
            ("p2", "a", 2, more),
            ("p3", "b", 3, more),
            ("p4", "a", 4, {"split": "dev"}),
            ("p5", "b", 5, {"split": "dev"}),
        ],
        labels=[
            ("a", 0, "positive", {"space": "polarity", "post_id": "p0"}),
            ("a", 2, "joy", {"space": "ekman", "post_id": "p2"}),
            ("a", 4, "negative", {"space": "polarity", "post_id": "p4"}),
        ],
    )
    said = {"p0": "I hate it", "p1": "I love it", "p2": "awful", "p3": "a chair", "p4": "great", "p5": "so sad"}
    return timeline, [said[name] for name in timeline.posts["post_id"]]


def test_only_unlabelled_posts_of_the_training_part_get_weak_labels(half_told):
    timeline, texts = half_told
    found = with_weak_labels(timeline, texts, CONFIG)
    labels, names = found.labels[WEAK_SPACE], timeline.users["user_id"]
    got = [(names[int(u)], int(s)) for u, s in zip(labels.user, labels.step, strict=True)]
    assert sorted(got) == [("b", 1), ("b", 3)]
    assert labels.latest.tolist() == [2, 1]  # love: positive; a chair: neutral
    assert labels.target.tolist() == [[0, 0, 1], [0, 1, 0]]
    assert labels.weight.tolist() == [0.25, 0.25]
    assert labels.split.tolist() == [0, 0]
    assert found.spaces[WEAK_SPACE] == ["negative", "neutral", "positive"] == weak_space().names
    assert weak_facts(found, CONFIG)["labels"] == 2
    assert without_weak_labels(found).labels.keys() == timeline.labels.keys()
    assert WEAK_SPACE not in timeline.labels


def test_labels_of_spaces_that_are_not_trained_do_not_count(half_told):
    timeline, texts = half_told
    config = CONFIG.model_copy(update={"spaces": ("polarity",)})
    labels = with_weak_labels(timeline, texts, config).labels[WEAK_SPACE]
    assert sorted(labels.step.tolist()) == [1, 2, 3]
    assert trained_spaces(with_weak_labels(timeline, texts, config), config) == ["polarity", WEAK_SPACE]


def test_several_posts_of_one_step_are_one_label_of_shares(compiled):
    posts = [(f"p{k}", "a", 0.1 * k) for k in range(4)] + [("q", "b", 5)]
    timeline = compiled(posts=posts, labels=[("b", 5, "neutral", {"space": "polarity"})])
    texts = {"p0": "great", "p1": "hate", "p2": "love it", "p3": "…", "q": "good"}
    labels = with_weak_labels(timeline, [texts[p] for p in timeline.posts["post_id"]], CONFIG).labels[WEAK_SPACE]
    assert labels.target.tolist() == [pytest.approx([1 / 3, 0, 2 / 3])]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I am so happy!", "latin"),
        ("C'est très beau, naïve", "latin"),
        ("今天很高兴", "chinese"),
        ("这个 iPhone 不错", "chinese"),
        ("Je regarde la vidéo de 王", "latin"),
        ("очень рад", ""),
        ("😀 123", ""),
        ("", ""),
    ],
)
def test_the_script_decides_the_language(text, wanted):
    assert script(text) == wanted


def test_each_lexicon_reads_its_script_alone():
    texts = ["I love it", "I hate it", "今天很高兴", "太糟糕了", "очень рад", "the chair"]
    nan = float("nan")
    for lexicons, wanted in (
        (("vader",), [1, -1, nan, nan, nan, 0]),
        (("pysenti",), [nan, nan, 1, -1, nan, nan]),
        (("vader", "pysenti"), [1, -1, 1, -1, nan, 0]),
        ((), [nan] * 6),
    ):
        assert polarities(texts, lexicons).tolist() == pytest.approx(wanted, nan_ok=True)


def test_a_lexicon_that_is_not_installed(monkeypatch):
    def missing():
        raise ImportError("No module named 'vaderSentiment'")

    monkeypatch.setitem(weak_module.LEXICONS, "vader", weak_module.LEXICONS["vader"]._replace(load=missing))
    with pytest.raises(BadInput, match=r"lexicon 'vader' is not installed .* install emotide\[weak\]"):
        polarities(["hm"], ("vader",))


def test_the_name_is_kept_for_weak_labels(compiled):
    timeline = compiled(posts=[("p", "a", 0)], labels=[("a", 0, "positive", {"space": WEAK_SPACE})])
    with pytest.raises(BadInput, match="a name kept for weak labels"):
        with_weak_labels(timeline, ["good"], CONFIG)


def test_weak_labels_are_never_reports_in_training():
    rows = torch.zeros(50, dtype=torch.long)
    held = Reports(rows, rows, rows, torch.ones(50, 3), torch.ones(50), torch.ones(50, dtype=torch.bool))
    shown = shown_in_training(TrainConfig(reports=1.0), np.random.default_rng(0))
    assert shown is not None
    assert not shown(WEAK_SPACE, held).any()
    assert shown("polarity", held).any()


@pytest.fixture(scope="module")
def learner(compiled):
    """A function from a timeline to a new model of its spaces, weak ones too."""
    from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig, Readings, built_in

    def made(timeline, width):
        torch.manual_seed(0)
        known = dict(built_in()) | {WEAK_SPACE: weak_space()}
        sizes = NetworkConfig(state=16, influence=8, observed=16, affect=8, width=24, pair_width=16, dropout=0.0)
        spaces = {name: known[name] for name in timeline.spaces}
        readings = Readings(sizes.affect, width, spaces)
        for space in spaces.values():
            readings.add(space, torch.randn(len(space.names), width))
        return AffectiveModel(FusedNetwork(sizes, width, 2 * len(timeline.kinds)), readings)

    return made


def test_dev_is_judged_by_the_labels_of_the_log_alone(half_told, learner, monkeypatch):
    timeline, texts = half_told
    judged = []

    def judge(model, timeline, vectors, spaces, regimes):
        judged.append((set(timeline.labels), tuple(spaces)))
        return 0.5

    monkeypatch.setattr(sys.modules["emotide.train.fit"], "dev_score", judge)  # the package exports a function `fit`
    found = with_weak_labels(timeline, texts, CONFIG)
    fit(learner(found, 4), found, torch.randn(len(texts), 4), CONFIG.model_copy(update={"epochs": 1}))
    assert judged == [({"polarity", "ekman"}, ("ekman", "polarity"))]


def test_where_words_tell_moods_weak_labels_teach_them(compiled, learner):
    """Nobody reports anything in training; whoever writes 'love' feels good. Weak labels alone must find that out."""
    from emotide.train import answers, scores

    rng = np.random.default_rng(0)
    posts, labels, texts, said = [], [], {}, {}
    for step in range(36):
        mood, split = int(rng.integers(2)), "train" if step < 24 else "test"
        name = f"p{step:02}"
        posts.append((name, "ab"[step % 2], step, {"split": split}))
        texts[name], said[name] = ("I love it" if mood else "I hate it"), np.append(rng.normal(size=3), 2.0 * mood - 1)
        if split == "test":
            truth = ("negative", "positive")[mood]
            labels.append(("ab"[step % 2], step, truth, {"space": "polarity", "post_id": name}))
    timeline = compiled("turn", posts=posts, labels=labels)
    vectors = torch.tensor(np.stack([said[p] for p in timeline.posts["post_id"]]), dtype=torch.float32)
    config = TrainConfig(weak_labels=("vader",), epochs=4, updates=6, learning_rate=2e-2)
    found = with_weak_labels(timeline, [texts[p] for p in timeline.posts["post_id"]], config)
    model = learner(found, 4)
    fit(model, found, vectors, config)
    # the test part's labels are of polarity, of which the model was taught nothing: read in the weak space
    labels = timeline.labels["polarity"]
    as_weak = without_weak_labels(found).__class__(**{**vars(timeline), "labels": {WEAK_SPACE: labels}})
    read = answers(model, as_weak, vectors, WEAK_SPACE, 2)
    assert scores(labels, read, False)["recognition"]["accuracy"] > 0.9
