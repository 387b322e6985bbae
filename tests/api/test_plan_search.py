"""`emotide search-shortcuts`: what is tried, what is chosen, and that the recipe trains by it."""

import json
import tomllib

import pytest

from emotide import BadInput, Recipe, SocialLog, UnknownName
from emotide.api.plan_picture import plan_picture
from emotide.api.plan_search import search_shortcuts
from emotide.nn import Residual
from emotide.train import Trained

SMALL = Recipe.model_validate(
    {
        "text_width": 8,
        "network": {"depth": 3, "state": 8, "influence": 4, "observed": 8, "width": 8, "pair_width": 8},
        "train": {"epochs": 1, "updates": 2, "seed": 3},
        "recommend": {"steps": 5},
    }
)


@pytest.fixture(scope="module")
def found(town, command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plans")
    (folder / "small.toml").write_text(SMALL.toml())
    told = command(
        "search-shortcuts", "--store", town.store, "--config", folder / "small.toml", "--keep", 5, "--json",
        "--out", folder / "searched.toml", "--out", folder / "plan.svg",
    )  # fmt: skip
    assert told.code == 0, told.err
    return folder, told.json


def test_the_named_plans_and_the_searched_one_are_tried_and_the_best_on_dev_is_chosen(found):
    _, told = found
    tried = {row["plan"]: row for row in told["tried"]}
    assert {name: row["shortcuts"] for name, row in tried.items()} == {
        "none": 0, "regular": 8, "dense": 16, "searched, 5 kept": 5,
    }  # fmt: skip
    best = max(told["tried"], key=lambda row: row["dev"])
    assert best["dev"] == told["dev"] == tried[told["best"]]["dev"]
    assert [row["plan"] for row in told["tried"] if row["chosen"]] == [told["best"]]
    assert sum(map(len, told["shortcuts"].values())) == tried[told["best"]]["shortcuts"]


def test_the_recipe_trains_a_model_of_the_chosen_plan(found, town, command):
    folder, told = found
    recipe = Recipe.read(folder / "searched.toml")
    assert recipe.changed({}, network={"plan": "regular"}) == SMALL
    trained = command("train", "--store", town.store, "--model", folder / "model", "--config", folder / "searched.toml")
    assert trained.code == 0, trained.err
    model = Trained.load(folder / "model").model
    for module, shortcuts in told["shortcuts"].items():
        (plan, *others) = {
            part.plan.shortcuts
            for name, part in model.network.named_modules()
            if isinstance(part, Residual) and name.split(".")[0] == module
        }
        assert not others
        assert plan == tuple((each["from"], each["to"]) for each in shortcuts)


def test_the_picture_has_an_arc_for_every_shortcut_the_stronger_the_thicker(tmp_path):
    gates = {(0, 1): 1.0, (0, 3): 0.5, (2, 4): 0.0}
    plan_picture([("f_H", 4, gates), ("f_P", 1, {})], tmp_path / "plan.svg")
    drawn = (tmp_path / "plan.svg").read_text()
    widths = [line.split("stroke-width:")[1].split(";")[0].strip() for line in drawn.splitlines()
              if "stroke: #d62728" in line and "stroke-width:" in line]  # fmt: skip
    assert sorted(map(float, widths), reverse=True) == pytest.approx([4.0, 2.2, 0.4])


def test_the_picture_of_the_search_is_there(found):
    folder, told = found
    assert "<svg" in (folder / "plan.svg").read_text()
    assert json.dumps(told)


def test_optuna_proposes_plans(town):
    pytest.importorskip("optuna")
    found = search_shortcuts(SocialLog.open(town.store), SMALL, keep=4, method="optuna", trials=2)
    proposed = found.tried[3:]
    assert [each.name for each in proposed] == ["optuna 1", "optuna 2"]
    assert all(each.shortcuts <= 4 for each in proposed)
    assert proposed[0].network.plan != proposed[1].network.plan
    assert found.best.dev == max(each.dev for each in found.tried)
    assert found.recipe.network.plan == found.best.network.plan


def test_without_a_number_some_shares_of_all_shortcuts_are_tried(town):
    found = search_shortcuts(SocialLog.open(town.store), SMALL.changed({}, network={"depth": 1}))
    assert [each.shortcuts for each in found.tried] == [0, 6, 6, 2, 3, 4]  # a quarter of 6 is rounded to even


def test_wrong_requests(town, command, tmp_path):
    log = SocialLog.open(town.store)
    with pytest.raises(BadInput, match="17 shortcuts cannot be kept: a dense plan of this depth has 16"):
        search_shortcuts(log, SMALL, keep=17)
    with pytest.raises(UnknownName, match="search method 'gate' is not known; did you mean 'gates'"):
        search_shortcuts(log, SMALL, method="gate")
    told = command("search-shortcuts", "--store", town.store, "--out", tmp_path / "plan.txt")
    assert told.code == 1
    assert told.err.endswith("plan.txt: ends in '.txt'; wanted: .toml for the recipe, or .svg, .png, .pdf\n")
    told = command("search-shortcuts", *town.ask("x")[1:], "--config", town.recipe)
    assert told.code == 2


def test_a_log_without_dev_labels_has_no_judge(command, tmp_path):
    (tmp_path / "posts.csv").write_text("post_id,user_id,time,text\n1,a,2024-01-01,hi\n2,b,2024-01-02,ho\n")
    assert command("ingest", tmp_path / "posts.csv", "--store", tmp_path / "log.db").code == 0
    with pytest.raises(BadInput, match="no labels in its dev part: nothing can judge a plan"):
        search_shortcuts(SocialLog.open(str(tmp_path / "log.db")), SMALL)


def test_a_recipe_as_toml_is_the_recipe():
    plan = {"f_H": [[0, 1], [1, 3]], "f_P": []}
    for recipe in (Recipe(), SMALL, SMALL.changed({}, network={"plan": plan}, train={"spaces": ["ekman"]})):
        assert Recipe.model_validate(tomllib.loads(recipe.toml())) == recipe
