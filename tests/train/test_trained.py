"""A trained model on disk: the same readings back; anything else is told in one line."""

import json

import pytest
import torch

from emotide.errors import BadInput, ModelMismatch
from emotide.model import EmotionSpace, NetworkConfig, built_in
from emotide.model.trace import trace
from emotide.train import RunConfig, TrainConfig, Trained, fit
from emotide.train import trained as module

SIZES = NetworkConfig(state=6, influence=4, observed=6, affect=5, width=8, pair_width=8)
RUN = RunConfig(text_width=8, network=SIZES, train=TrainConfig(epochs=1, updates=2, seed=3))
TEXTS = ["so glad today", "so sad today", "", "很开心 😀", "glad again", "a word of the test part"]


@pytest.fixture(scope="module")
def timeline(compiled):
    posts = [(f"p{k}", "ab"[k % 2], k, {"split": "train" if k < 5 else "test"}) for k in range(6)]
    labels = [
        ("ab"[k % 2], k, ("positive", "negative")[k % 2], {"space": "polarity", "post_id": f"p{k}"}) for k in range(6)
    ]
    return compiled(posts=posts, labels=labels, interactions=[("a", "b", 1, "like")])


@pytest.fixture(scope="module")
def trained(timeline):
    own = EmotionSpace.model_validate(
        {"name": "own", "categories": {"up": {"pad": (1, 0, 0)}, "down": {"pad": (-1, 0, 0)}}}
    )
    made = Trained.new(RUN, timeline, TEXTS, dict(built_in()) | {"own": own}, "cpu")
    fit(made.model, timeline, made.vectors(TEXTS), RUN.train)
    return made


@pytest.fixture
def saved(trained, tmp_path):
    trained.save(tmp_path / "model")
    return tmp_path / "model"


def test_saved_and_loaded_it_reads_the_same(trained, saved, timeline):
    back = Trained.load(saved)
    assert (back.run, back.kinds, back.facts) == (trained.run, trained.kinds, trained.facts)
    texts = [*TEXTS, "unheard of words"]
    assert torch.equal(back.vectors(texts), trained.vectors(texts))
    one, two = (trace(made.model, timeline, made.vectors(TEXTS), None, horizon=2) for made in (trained, back))
    assert (one.Y == two.Y).all()
    assert set(back.model.readings.spaces) == set(built_in()) | {"own"}
    for space in back.model.readings.spaces:
        Y = torch.tensor(one.Y)
        assert torch.equal(back.model.readings.read(space, Y), trained.model.readings.read(space, Y))
    assert not back.model.training


def test_nothing_in_the_folder_runs_on_loading(saved):
    assert {file.suffix for file in saved.rglob("*") if file.is_file()} == {".json", ".safetensors"}


def test_vectors_stand_on_the_scale_of_the_training_part_and_an_empty_text_at_zero(trained):
    got = trained.vectors(TEXTS)
    taught = got[:5]
    raw = torch.from_numpy(trained.text.encode(TEXTS[:5]))
    torch.testing.assert_close(trained.scale[0], raw.mean(0))
    spread = raw.std(0, correction=0).clamp(min=0.1 * float(raw.std(correction=0)))
    torch.testing.assert_close(taught[0], (raw[0] - raw.mean(0)) / spread)
    assert (got[2] == 0).all()
    assert trained.vectors(["  \n"]).abs().sum() == 0
    assert trained.vectors([]).shape == (0, 8)
    assert "test" not in trained.text.words  # text vectors learn nothing from the test part


def test_the_same_seed_makes_the_same_model(timeline, trained):
    one, two = (Trained.new(RUN, timeline, TEXTS, built_in(), "cpu") for _ in range(2))
    for a, b in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert torch.equal(a, b)


def changed(**head):
    def change(folder):
        old = json.loads((folder / "model.json").read_text("utf-8"))
        (folder / "model.json").write_text(json.dumps(old | head), "utf-8")

    return change


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def without(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize("spoil", [
    without("model.json"), without("model.safetensors"), without("text/words.json"), without("text/words.safetensors"),
    cut("model.json", 50), cut("model.safetensors", 0), cut("model.safetensors", 100), cut("model.safetensors", 5000),
    cut("text/words.safetensors", 0), cut("text/words.safetensors", 500), cut("text/words.json", 3),
    changed(format=0), changed(format=99), changed(format=None),
    changed(kinds=["one", "two", "three"]), changed(run=None),
    changed(run={"network": {"state": 7}}), changed(trained=["nowhere"]), changed(trained=[]), changed(spaces=[1]),
    changed(spaces=None), changed(trained=3), changed(kinds=None),
    lambda folder: (folder / "model.json").write_text("[]"),
    lambda folder: (folder / "model.json").write_bytes(b"\xff\xfe\x00"),
])  # fmt: skip
def test_what_is_no_model_of_this_version_is_told(saved, spoil):
    spoil(saved)
    with pytest.raises(ModelMismatch, match=str(saved)) as error:
        Trained.load(saved)
    assert "\n" not in str(error.value)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(ModelMismatch, match="train one: emotide train"):
        Trained.load(tmp_path / "nowhere")


def test_a_run_is_a_toml_file(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('text_width = 16\n[timeline]\nstep = "turn"\n[network]\nstate = 8\n[train]\nseed = 4')
    run = RunConfig.read(file)
    assert (run.text_width, run.timeline.step, run.network.state, run.train.seed) == (16, "turn", 8, 4)
    for text in (
        "[train]\nepoch = 3",
        "[train]\nepochs = 0",
        'text = "w2v"',
        "[timeline]\nstep = '1y'",
        "x = ",
        "\x00",
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=r"run\.toml"):
            RunConfig.read(file)


def test_text_vectors_and_their_scale_are_learned_from_so_many_posts_at_most(timeline, monkeypatch):
    whole = Trained.new(RUN, timeline, TEXTS, built_in(), "cpu")
    monkeypatch.setattr(module, "TAUGHT", 5)
    assert torch.equal(Trained.new(RUN, timeline, TEXTS, built_in(), "cpu").scale, whole.scale)
    monkeypatch.setattr(module, "TAUGHT", 2)
    some = Trained.new(RUN, timeline, TEXTS, built_in(), "cpu")
    assert len(some.text.words) < len(whole.text.words)
    assert torch.equal(Trained.new(RUN, timeline, TEXTS, built_in(), "cpu").scale, some.scale)
