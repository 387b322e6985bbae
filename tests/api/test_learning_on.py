"""`emotide learn` and `emotide judge` on the town of this folder."""

import re
import shutil
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from emotide import Emotide, SocialLog
from emotide.api import learning_on


@pytest.fixture
def own(town, tmp_path):
    """A store and a model of one's own."""
    shutil.copy(town.store, tmp_path / "own.db")
    shutil.copytree(town.model, tmp_path / "model")
    return town._replace(store=tmp_path / "own.db", model=tmp_path / "model")


def later(town, days: int, liked: str | None = None) -> pl.DataFrame:
    """Feedback of some days later, items by chance; those of one mood alone are liked, or any three times in ten."""
    old, rng = pl.read_parquet(town.log / "feedback.parquet"), np.random.default_rng(days + 9)
    items = pl.read_csv(town.log / "items.csv")["item_id"].to_list()
    n = 300
    item = pl.Series([str(one) for one in rng.choice(items, n)])
    reward = item.str.starts_with(liked).to_numpy() if liked else rng.random(n) < 0.3
    return pl.DataFrame(
        {
            "user_id": [str(one) for one in rng.choice(old["user_id"].unique().sort().to_list(), n)],
            "item_id": item,
            "time": [old["time"].max() + timedelta(days=days, minutes=k) for k in range(n)],
            "reward": reward.astype(float),
            "network": old["network"][0],
            "propensity": 1 / len(items),
        }
    )


def lead(made: Emotide, log: SocialLog, mood: str) -> float:
    """How much more items of a mood are worth than the others."""
    shown = made.recommend(log, top=40, guarded=False)
    mine = pl.col("item_id").str.starts_with(mood)
    return shown.filter(mine)["value"].mean() - shown.filter(~mine)["value"].mean()


def test_it_goes_on_from_new_feedback_and_keeps_its_place(command, own, tmp_path):
    told = command(*own.ask("learn"))
    assert (told.code, told.out) == (0, f"{own.model}: no new feedback\n")
    liked = "bleak"
    log, file = SocialLog.open(own.store), tmp_path / "more.parquet"
    before = lead(Emotide.from_pretrained(own.model), log, liked)
    for day in (1, 2, 3):
        later(own, day, liked).write_parquet(file)
        told = command(*own.ask("learn", "--feedback", file, "--json"))
        assert told.code == 0, told.err
        assert "300 rows are new, 0 were rejected" in told.err
        assert (told.json["feedback"], told.json["late"], told.json["taken_back"]) == (300, 0, False)
        gain = told.json["gain"]
        assert gain["low"] <= gain["value"] <= gain["high"]
    after = lead(Emotide.from_pretrained(own.model), log, liked)  # what was learned is with the model
    assert after > before + 0.1
    assert command(*own.ask("learn")).out.endswith("no new feedback\n")
    later(own, -4, liked).write_parquet(file)
    told = command(*own.ask("learn", "--feedback", file, "--json"))
    assert (told.json["feedback"], told.json["late"]) == (0, 300)


def test_a_new_training_begins_anew(command, own, tmp_path):
    file = tmp_path / "more.parquet"
    later(own, 1).write_parquet(file)
    told = command(*own.ask("learn", "--feedback", file))
    assert "gain in reward by SNIPS" in told.out
    learned = Emotide.from_pretrained(own.model)
    assert learned.recommender.place["rows"] > 300
    again = Emotide.from_pretrained(own.model)
    again.save_pretrained(tmp_path / "copy")  # what was learned goes with it
    copied = Emotide.from_pretrained(tmp_path / "copy")
    H = np.zeros((1, copied.recommender.network.state), np.float32)
    np.testing.assert_array_equal(copied.recommender.scores(H), learned.recommender.scores(H))
    assert copied.recommender.place == learned.recommender.place
    for weight in again.recommender.network.parameters():
        weight.data.add_(0.1)
    again.recommender.base = "another"
    again.save_pretrained(own.model)
    fresh = Emotide.from_pretrained(own.model)  # the old checkpoint is of other weights
    np.testing.assert_array_equal(fresh.recommender.scores(H), again.recommender.scores(H))


def test_a_clear_loss_is_taken_back(own, tmp_path, monkeypatch):
    file, log = tmp_path / "more.parquet", SocialLog.open(own.store)
    later(own, 1).write_parquet(file)
    learning_on.ingest_feedback(log, file)
    made = Emotide.from_pretrained(own.model)
    before = made.recommend(log, guarded=False)
    monkeypatch.setattr(learning_on, "gained", lambda *told: learning_on.Estimate(-0.2, -0.3, -0.1))
    assert not made.learn(log, tmp_path / "elsewhere").taken_back  # on feedback that is worth a few rows
    made = Emotide.from_pretrained(own.model)
    monkeypatch.setattr(learning_on, "ENOUGH", 1)
    found = made.learn(log, own.model)
    assert found.taken_back
    assert "clearly a loss" in found.line()
    assert made.recommend(log, guarded=False).equals(before)
    assert Emotide.from_pretrained(own.model).recommend(log, guarded=False).equals(before)
    assert made.learn(log, own.model).feedback == 0  # seen all the same


def test_without_propensities_nothing_is_said_of_the_gain(command, own, tmp_path):
    file = tmp_path / "more.parquet"
    later(own, 1).drop("propensity").write_parquet(file)
    told = command(*own.ask("learn", "--feedback", file))
    assert "without propensities nobody can say" in told.out
    wrong = command(*own.ask("judge"))
    assert wrong.code == 1
    assert re.match(r"emotide: \d+ of the \d+ judged rows of feedback have no propensity above 0: log", wrong.err)
    wrong = command(*own.ask("learn", "--feedback", tmp_path / "none.csv"))
    assert "is not a file of feedback; wanted .csv" in wrong.err


def test_the_policy_is_judged_beside_the_logged_one(command, own, tmp_path):
    told = command(*own.ask("judge", "--json"))
    assert told.code == 0, told.err
    table = pl.DataFrame(told.json)
    assert table.columns == ["policy", "estimate", "value", "low", "high", "n", "since", "on"]
    assert table.select("policy", "estimate").rows() == [
        ("logged", "mean"), ("model", "ips"), ("model", "snips"), ("model", "dr")
    ]  # fmt: skip
    assert table["on"].unique().to_list() == ["later part"]
    all_rows = pl.read_parquet(own.log / "feedback.parquet")
    assert 0.2 < table["n"][0] / len(all_rows) < 0.4
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    file, log = tmp_path / "more.parquet", SocialLog.open(own.store)
    rows = later(own, 1)
    rows.write_parquet(file)
    learning_on.ingest_feedback(log, file)
    made = Emotide.from_pretrained(own.model)
    by_chance = made.judge(log, epsilon=1.0)  # chance is what was logged: all estimates are its mean
    assert by_chance["on"].unique().to_list() == ["new feedback"]
    assert by_chance["n"].unique().to_list() == [300]
    mean = rows["reward"].mean()
    assert by_chance.filter(pl.col("estimate") != "dr")["value"].to_list() == pytest.approx([mean] * 3)
