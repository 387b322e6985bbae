"""A saved model is the model; a run can be repeated, and gone on with where it was interrupted."""

import json
import shutil

import pytest
import torch
from polars.testing import assert_frame_equal
from safetensors.torch import load_file

from emotide import BadInput, Emotide, ModelMismatch, Recipe, SocialLog
from emotide.terminal import Bar

TINY = {
    "network": {"depth": 1, "state": 8, "width": 8},
    "train": {"epochs": 1, "updates": 4},
    "recommend": {"steps": 5},
}


def weights(model):
    return load_file(model / "model.safetensors")


def history(model):
    return json.loads((model / "model.json").read_text("utf-8"))["facts"]["history"]


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[key], other[key]) for key in one)


def test_what_was_saved_reads_the_same(town, tmp_path):
    log = SocialLog.open(town.store)
    kept = Emotide.from_pretrained(town.model)
    kept.save_pretrained(tmp_path / "again")
    again = Emotide.from_pretrained(tmp_path / "again")
    for ask in (
        lambda emotide: emotide.predict(log, horizon=2),
        lambda emotide: emotide.recommend(log, top=3),
        lambda emotide: emotide.influence(log, total=True, shuffles=1),
    ):
        assert_frame_equal(ask(kept), ask(again))
    assert kept.history.rows == again.history.rows
    assert len(kept.history.rows) == 3


def test_fitting_and_loading_agree(town, tmp_path):
    log = SocialLog.open(town.store)
    fitted = Emotide.fit(log, Recipe.model_validate(TINY))
    fitted.save_pretrained(tmp_path)
    assert_frame_equal(fitted.predict(log, horizon=1), Emotide.from_pretrained(tmp_path).predict(log, horizon=1))


def test_the_folder_says_where_the_model_comes_from(town):
    head = json.loads((town.model / "model.json").read_text("utf-8"))
    assert head["facts"]["digest"] == SocialLog.open(town.store).store.digest()
    assert head["facts"]["seed"] == head["run"]["train"]["seed"] == 3
    assert not (town.model / "checkpoint").exists()


def test_the_same_seed_gives_the_same_model(command, town, tmp_path):
    models = {}
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        model = tmp_path / name
        told = command(
            "train", "--store", town.store, "--model", model, "--config", town.recipe, "--epochs", 1, "--seed", seed
        )
        assert told.code == 0
        models[name] = weights(model) | load_file(model / "recommender" / "recommender.safetensors")
    assert same(models["one"], models["two"])
    assert not same(models["one"], models["other"])


def test_an_interrupted_training_goes_on_where_it_was(command, town, tmp_path, monkeypatch):
    model = tmp_path / "model"
    words = ("train", "--store", town.store, "--model", model, "--config", town.recipe)

    def interrupt(bar, done, total, what):
        if "dev" in what and done == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Bar, "progress", interrupt)
        told = command(*words)
    assert told.code == 130
    assert told.out == ""
    assert "Traceback" not in told.err
    assert not (model / "model.json").exists()
    assert (model / "checkpoint").exists()

    done = []
    with monkeypatch.context() as patch:
        patch.setattr(Bar, "progress", lambda bar, k, total, what: done.append(k) if "dev" in what else None)
        assert command(*words, "--resume").code == 0
    assert done == [3]
    assert same(weights(model), weights(town.model))
    assert history(model) == history(town.model)
    assert not (model / "checkpoint").exists()


def test_another_training_is_not_gone_on_with(town, tmp_path):
    log = SocialLog.open(town.store)
    recipe = Recipe.model_validate(TINY)
    Emotide.fit(log, recipe, checkpoint=tmp_path)
    longer = Emotide.fit(log, recipe.changed({}, train={"epochs": 2}), checkpoint=tmp_path)
    assert len(longer.history.rows) == 2
    for other in (recipe.changed({}, network={"width": 12}), recipe.changed({}, train={"seed": 1})):
        with pytest.raises(ModelMismatch, match="of another recipe or log"):
            Emotide.fit(log, other, checkpoint=tmp_path)


def test_without_resume_an_old_checkpoint_is_forgotten(command, town, tmp_path):
    model = tmp_path / "model"
    (model / "checkpoint").mkdir(parents=True)
    (model / "checkpoint" / "checkpoint.json").write_text("broken")
    words = ("train", "--store", town.store, "--model", model, "--config", town.recipe, "--epochs", 1)
    assert command(*words).code == 0


def test_a_recommender_of_the_last_model_does_not_stay(town, tmp_path):
    kept = Emotide.from_pretrained(town.model)
    assert kept.recommender is not None
    kept.save_pretrained(tmp_path)
    kept.recommender = None
    kept.save_pretrained(tmp_path)
    assert Emotide.from_pretrained(tmp_path).recommender is None


@pytest.mark.parametrize("device", ["cuda:77", "abacus"])
def test_a_device_that_is_not_here(town, device):
    with pytest.raises(BadInput, match=f"device '{device}' cannot be used here"):
        Emotide.from_pretrained(town.model, device)
    with pytest.raises(BadInput, match=f"device '{device}' cannot be used here"):
        Emotide.fit(SocialLog.open(town.store), device=device)


def _another_format(model):
    head = json.loads((model / "model.json").read_text("utf-8"))
    (model / "model.json").write_text(json.dumps(head | {"format": 99}))


def _another_width(model):
    head = json.loads((model / "model.json").read_text("utf-8"))
    head["run"]["network"]["state"] = 20
    (model / "model.json").write_text(json.dumps(head))


def _cut(name):
    def cut(model):
        data = (model / name).read_bytes()
        (model / name).write_bytes(data[: len(data) // 2])

    return cut


BROKEN = {
    "another format": (_another_format, "a model of format 99, this version reads 2: train again"),
    "another width": (_another_width, "the model does not fit this version"),
    "cut weights": (_cut("model.safetensors"), "no readable model here"),
    "cut head": (_cut("model.json"), "no readable model here"),
    "no weights": (lambda model: (model / "model.safetensors").unlink(), "no readable model here"),
    "no words": (lambda model: shutil.rmtree(model / "text"), "the model does not fit this version"),
    "cut words": (_cut("text/words.safetensors"), "the model does not fit this version"),
    "cut recommender": (_cut("recommender/recommender.safetensors"), "no readable recommender here"),
    "nothing": (shutil.rmtree, "no readable model here"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_model_of_another_version_is_one_clear_line(command, town, tmp_path, name):
    spoil, reason = BROKEN[name]
    model = tmp_path / "model"
    shutil.copytree(town.model, model)
    spoil(model)
    told = command("predict", "--store", town.store, "--model", model)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("emotide: ")
    assert told.err.count("\n") == 1
    assert reason in told.err
