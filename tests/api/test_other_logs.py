"""A model reads logs that it was not trained on; logs that lack this or that are trained on, or told in one line."""

import random
import zlib

import numpy as np
import polars as pl
import pytest

from emotide import Emotide, SocialLog
from emotide.demo.town import TownConfig, simulate

DAY, START = 86_400, 1_700_000_000
UNTRAINED, UNJUDGED = "the model was not trained on space", "chance cannot be judged here"
pytestmark = [pytest.mark.filterwarnings(f"always:{what}") for what in (UNTRAINED, UNJUDGED)]


@pytest.fixture(scope="module")
def village(command, tmp_path_factory):
    """Another place, where people wave and poke."""
    folder = tmp_path_factory.mktemp("village")
    simulate(folder, TownConfig(people=8, days=14, seed=5))
    file = folder / "log" / "interactions.parquet"
    kinds = pl.Series(np.resize(["wave", "poke"], len(pl.read_parquet(file))))
    pl.read_parquet(file).with_columns(kinds.alias("kind")).write_parquet(file)
    assert command("ingest", folder / "log", "--store", folder / "village.db").code == 0
    return folder / "village.db"


def test_another_log_is_read(command, town, village):
    def ask(*words):
        told = command(words[0], "--store", village, "--model", town.model, *words[1:], "--json")
        assert told.code == 0, told.err
        return told.json

    found = ask("evaluate", "--reports", "known")
    assert found["recognition"]["n"] > 0
    assert len(found["baselines"]) == 6
    read = pl.DataFrame(ask("predict", "--horizon", "1"))
    assert read["user_id"].n_unique() == 8
    assert np.isfinite(read.select("joy", "fear").to_numpy()).all()
    assert pl.DataFrame(ask("influence"))["strength"].max() > 0
    assert len(ask("recommend", "--top", 2)) == 16


def rows_of(people, days, seed=0):
    """A small made log: posts, labels and interactions of everyone on every day."""
    rng = random.Random(seed)
    feelings = {"joy": "what a happy day", "sadness": "so much sad rain", "neutral": "that is that"}
    posts, labels, interactions = [], [], []
    for day in range(days):
        for user in people:
            feeling = rng.choice(list(feelings))
            time = START + DAY * day + zlib.crc32(user.encode()) % 3600
            posts.append({"post_id": f"{user}{day}", "user_id": user, "time": time, "text": feelings[feeling]})
            labels.append({"user_id": user, "time": time, "space": "ekman_neutral", "category": feeling})
            if len(people) > 1:
                other = rng.choice([name for name in people if name != user])
                interactions.append({"source_id": user, "target_id": other, "time": time, "kind": "wave"})
    return {"posts": posts, "labels": labels, "interactions": interactions}


@pytest.fixture
def trained(command, recipe, log_of, tmp_path):
    """`trained(posts=…)`: a function that asks a model trained on just these tables about them."""

    def make(**tables):
        store, model = tmp_path / "odd.db", tmp_path / "odd"
        told = command("ingest", log_of(**tables), "--store", store, "--json")
        assert [row["rejected"] for row in told.json] == [0] * len(tables)
        told = command("train", "--store", store, "--model", model, "--config", recipe(1))
        assert told.code == 0, told.err

        def ask(*words):
            told = command(words[0], "--store", store, "--model", model, *words[1:], "--json")
            if told.code:
                assert told.out == ""
                assert told.err.startswith("emotide: ")
                assert told.err.count("\n") == 1
                return told.err
            return pl.DataFrame(told.json) if words[0] != "evaluate" else told.json

        return ask

    return make


def finite(frame):
    return np.isfinite(frame.select(pl.selectors.float()).to_numpy()).all()


def test_a_log_without_posts(trained, town, command, tmp_path):
    rows = rows_of("abc", 14)
    del rows["posts"]
    ask = trained(**rows)
    assert ask("evaluate", "--reports", "known")["recognition"]["n"] == 9
    read = ask("predict", "--horizon", 2)
    assert len(read) == 3 * (14 + 2)
    assert finite(read)
    assert finite(ask("influence"))
    # what it never saw, posts, does not make it say nothing
    told = command("predict", "--store", town.store, "--model", tmp_path / "odd", "--json")
    assert finite(pl.DataFrame(told.json))


def test_a_log_without_labels(trained):
    rows = rows_of("abc", 14)
    del rows["labels"]
    ask = trained(**rows)
    assert "the log has no labels" in ask("evaluate")
    read = ask("predict", "--horizon", 1)
    assert read.columns[6:] == ["pleasure", "arousal", "dominance"]
    assert finite(read)
    assert len(ask("predict", "--space", "ekman")) == 3 * 14
    assert finite(ask("influence", "--total"))


def test_where_dev_has_no_labels_of_what_was_learned_nothing_is_called_a_score(command, recipe, log_of, tmp_path):
    rows = rows_of("abc", 14)
    for label in rows["labels"]:
        if label["time"] >= START + 9 * DAY:  # dev and test tell of another space
            label |= {"space": "polarity", "category": "neutral"}
    store, model = tmp_path / "odd.db", tmp_path / "odd"
    assert command("ingest", log_of(**rows), "--store", store).code == 0
    told = command("train", "--store", store, "--model", model, "--config", recipe(2))
    assert told.code == 0, told.err
    assert "dev has no labels of what was learned: its readings are neither judged nor calibrated\n" in told.err
    assert told.out.startswith(f"{model}: no score on dev; lowest loss in training ")
    assert told.out.endswith(" after 2 epochs\n")
    assert "dev part of its log: not measured, judged by 0 labels" in (model / "MODEL_CARD.md").read_text("utf-8")


def test_where_all_are_neighbours_chance_cannot_be_judged(command, town, trained, tmp_path):
    trained(**rows_of("abc", 14))
    told = command("influence", "--store", tmp_path / "odd.db", "--model", tmp_path / "odd", "--total", "--json")
    assert told.err == (
        f"emotide: warning: {UNJUDGED} (there are no strangers to compare neighbours with): "
        "p_value and q_value say nothing\n"
    )
    pairs = pl.DataFrame(told.json)
    assert len(pairs) == 6
    assert pairs["strength"].max() > 0
    assert (pairs.select("p_value", "q_value") == 1).to_numpy().all()
    assert command(*town.ask("influence", "--total", "--json")).err == ""


def test_a_log_without_feedback(trained):
    ask = trained(**rows_of("abc", 10))
    assert "has learned from a log without feedback" in ask("recommend")


def test_a_model_with_taste_and_a_log_without_items(command, town, trained, tmp_path):
    trained(**rows_of("abc", 10))
    told = command("recommend", "--store", tmp_path / "odd.db", "--model", town.model)
    assert (told.code, told.err) == (1, "emotide: the log has no items to recommend\n")


def test_a_log_without_interactions(trained):
    rows = rows_of("abc", 14)
    del rows["interactions"]
    ask = trained(**rows)
    assert ask("evaluate")["forecast"]["n"] == 9
    assert len(ask("predict")) == 3 * 14
    assert ask("influence").is_empty()


def test_a_log_of_one_person(trained):
    rows = rows_of("a", 14)
    del rows["interactions"]
    ask = trained(**rows)
    assert ask("evaluate", "--reports", "known")["recognition"]["n"] == 3
    assert ask("predict", "--horizon", 3)["horizon"].to_list() == [0] * 14 + [1, 2, 3]
    assert ask("influence", "--total").is_empty()


def test_a_log_of_one_label(trained):
    ask = trained(labels=rows_of("a", 1)["labels"])
    assert len(ask("predict", "--horizon", 1)) == 2
    found = ask("evaluate")  # the one label is of the test part; there is nothing to fit a baseline to
    assert (found["recognition"]["n"], found["baselines"]) == (1, {})
    assert "the dev part of this log has no labels" in ask("evaluate", "--split", "dev")


def test_a_log_of_feedback_alone(trained):
    rows = [
        {"user_id": u, "item_id": i, "time": START + k, "reward": k % 2} for k, (u, i) in enumerate(["ax", "ay", "bx"])
    ]
    ask = trained(feedback=rows, items=[{"item_id": "x"}, {"item_id": "y"}])
    assert "nothing to read" in ask("predict")
    shown = ask("recommend")
    assert shown.select("user_id", "item_id").is_unique().all()
    assert len(shown) == 4
    assert finite(shown.drop("time"))


@pytest.mark.parametrize("name", ["train", "predict", "influence", "recommend", "evaluate"])
def test_an_empty_log(command, town, tmp_path, name):
    (tmp_path / "posts.csv").write_text("post_id,user_id,time\n")
    assert command("ingest", tmp_path / "posts.csv", "--store", tmp_path / "empty.db").code == 0
    model = tmp_path / "new" if name == "train" else town.model
    told = command(name, "--store", tmp_path / "empty.db", "--model", model)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("emotide: the log holds no posts, interactions or labels")


def test_a_category_that_the_space_lacks(tmp_path, command, town):
    store = tmp_path / "strange.db"
    rows = "user_id,time,space,category\nana,2024-01-01,ekman_neutral,joyy\nbo,2024-01-02,ekman_neutral,joy\n"
    (tmp_path / "labels.csv").write_text(rows)
    assert command("ingest", tmp_path / "labels.csv", "--store", store).code == 0
    with pytest.warns(UserWarning, match="1 of the labels left out: .*'joyy' is not known; did you mean 'joy'"):
        read = Emotide.from_pretrained(town.model).predict(SocialLog.open(store))
    assert read["user_id"].to_list() == ["bo"]


def test_the_demo_runs_on_a_log_of_ones_own(command, recipe, log_of, tmp_path):
    told = command("demo", "--data", log_of(**rows_of("abc", 12)), "--out", tmp_path / "out", "--config", recipe(1))
    assert told.code == 0, told.err
    assert told.out == f"{tmp_path / 'out' / 'report.html'}\n"
    assert "the network was trained" in told.err
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "ekman_neutral" in page
    assert (tmp_path / "out" / "model" / "model.json").exists()
