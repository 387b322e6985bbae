"""`predict --behaviour` from a log without labels: two tables, as text, as JSON and as files."""

import polars as pl
import pytest

RECIPE = """
[timeline]
step = "10 events"
[network]
state = 8
influence = 4
observed = 8
affect = 8
width = 16
pair_width = 8
[train]
epochs = 2
updates = 8
least_window = 2
learning_rate = 0.01
"""


@pytest.fixture(scope="module")
def town(command, tmp_path_factory):
    """Everybody writes to the next in the round; a model of it, which was not told to learn behaviour."""
    folder = tmp_path_factory.mktemp("behaviour")
    times = [f"2024-01-{1 + k // 24:02}T{k % 24:02}:00:00Z" for k in range(240)]
    rows = {
        "source_id": [f"u{k % 10}" for k in range(240)],
        "target_id": [f"u{(k + 1) % 10}" for k in range(240)],
        "time": times,
        "kind": ["message"] * 240,
    }
    (folder / "log").mkdir()
    pl.DataFrame(rows).write_csv(folder / "log" / "interactions.csv")
    (folder / "recipe.toml").write_text(RECIPE)
    store, model = folder / "town.db", folder / "model"
    assert command("ingest", folder / "log", "--store", store).code == 0
    told = command("train", "--store", store, "--model", model, "--config", folder / "recipe.toml")
    assert told.code == 0, told.err
    assert "dev has no labels of what was learned" in told.err
    assert "no score of emotions on dev; best average precision of behaviour there " in told.out
    return store, model


def test_posts_and_contacts_of_everybody(command, town):
    store, model = town
    told = command("predict", "--store", store, "--model", model, "--behaviour", "--top", 3, "--json")
    assert told.code == 0, told.err
    posts, contacts = pl.DataFrame(told.json["posts"]), pl.DataFrame(told.json["contacts"])
    assert posts.columns == ["user_id", "network", "time", "post"]
    assert posts["user_id"].sort().to_list() == [f"u{k}" for k in range(10)]
    assert contacts.columns == ["source_id", "target_id", "network", "time", "probability"]
    assert contacts.group_by("source_id").len()["len"].to_list() == [3] * 10
    assert (contacts["source_id"] != contacts["target_id"]).all()
    assert contacts["probability"].is_between(0, 1).all()
    best = contacts.group_by("source_id", maintain_order=True).first()
    right = best.select((pl.col("target_id").str.slice(1).cast(int) - pl.col("source_id").str.slice(1).cast(int)) % 10)
    assert (right.to_series() == 1).mean() >= 0.8


def test_one_person_and_files(command, town, tmp_path):
    store, model = town
    told = command("predict", "--store", store, "--model", model, "--behaviour", "--user", "u3")
    assert told.code == 0
    assert "u4" in told.out
    words = ("predict", "--store", store, "--model", model, "--behaviour", "--out", tmp_path / "next.csv")
    assert command(*words).code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["next.contacts.csv", "next.posts.csv"]


def test_a_model_that_has_not_learned_it_says_so(command, town, tmp_path):
    store, _ = town
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE + "behaviour = 0.0\n")
    assert command("train", "--store", store, "--model", tmp_path / "m", "--config", recipe).code == 0
    told = command("predict", "--store", store, "--model", tmp_path / "m", "--behaviour")
    assert told.code == 1
    assert "has not learned behaviour" in told.err
