"""The tables of `predict`, `influence` and `recommend` have the columns of DESIGN 5, in every format."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

READERS = {
    ".csv": lambda file: pl.read_csv(file, try_parse_dates=True),
    ".jsonl": pl.read_ndjson,
    ".parquet": pl.read_parquet,
}
PLACE = ["user_id", "network", "time"]
EKMAN = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]
INFLUENCE = [
    *("source_id", "target_id", "network", "time", "effect", "strength", "p_value", "q_value"),
    *("weight", "weight_sd"),
]
RECOMMEND = [*PLACE, "rank", "item_id", "value", "propensity", "reason"]


@pytest.fixture(scope="module")
def table(command, town, tmp_path_factory):
    """`table("predict", …)`: what the command writes into a file of that ending."""

    def ask(name, *words, ending=".parquet"):
        file = tmp_path_factory.mktemp("out") / f"table{ending}"
        told = command(*town.ask(name, *words, "--out", file))
        assert told.code == 0, told.err
        frame = READERS[ending](file)
        assert told.out == ""
        assert told.err == f"{file}: {len(frame)} rows\n"
        return frame

    return ask


@pytest.fixture(scope="module")
def predicted(table):
    return table("predict", "--horizon", 3)


@pytest.fixture(scope="module")
def moved(table):
    return table("influence")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("words", "columns"),
    [
        (("predict", "--user", "ana"), [*PLACE, "horizon", "space", "reading", *EKMAN]),
        (("predict", "--user", "ana", "--space", "pad"), None),
        (("recommend",), RECOMMEND),
        (("influence", "--user", "ana", "--total"), INFLUENCE),
    ],
)
def test_every_format_holds_the_same_table(table, ending, words, columns):
    columns = columns or [*PLACE, "horizon", "space", "reading", "pleasure", "arousal", "dominance"]
    whole, read = table(*words), table(*words, ending=ending)
    assert whole.columns == read.columns == columns
    if ending == ".jsonl":
        read = read.with_columns(pl.col("time").str.to_datetime(time_unit="us", time_zone="UTC"))
    read = read.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))
    assert_frame_equal(whole, read, check_dtypes=False, rel_tol=1e-5)


def test_categories_have_probabilities(predicted):
    assert predicted.columns == [*PLACE, "horizon", "space", "reading", *EKMAN]
    share = predicted.select(EKMAN).to_numpy()
    assert share.min() >= 0
    assert abs(share.sum(1) - 1).max() < 1e-5
    assert set(predicted["reading"]) <= set(EKMAN)
    assert predicted["space"].unique().to_list() == ["ekman_neutral"]
    assert share.std(0).min() > 0


def test_recognition_is_of_everyone_whom_something_touched(predicted, town):
    posts = pl.read_csv(town.log / "posts.csv", try_parse_dates=True)
    wrote = posts.select("user_id", pl.col("time").dt.truncate("1d").cast(pl.Datetime("us", "UTC"))).unique()
    now = predicted.filter(pl.col("horizon") == 0)
    assert now.select("user_id", "time").is_unique().all()
    assert wrote.join(now, on=["user_id", "time"], how="anti").is_empty()


def test_forecasts_of_everyone_continue_the_clock(predicted):
    last = predicted.filter(pl.col("horizon") == 0)["time"].max()
    people = predicted["user_id"].n_unique()
    assert people == 12
    for k in (1, 2, 3):
        rows = predicted.filter(pl.col("horizon") == k)
        assert rows["time"].unique().to_list() == [last + timedelta(days=k)]
        assert rows["user_id"].n_unique() == len(rows) == people
    assert predicted["horizon"].unique().sort().to_list() == [0, 1, 2, 3]


def test_one_person_is_a_part_of_the_whole(table, predicted):
    assert_frame_equal(table("predict", "--horizon", 3, "--user", "bo"), predicted.filter(pl.col("user_id") == "bo"))


def test_labels_known_by_then_move_readings(table, predicted):
    assert not table("predict", "--horizon", 3, "--reports", "hidden").equals(predicted)


def test_influence_is_of_pairs(moved):
    assert moved.columns == INFLUENCE
    assert (moved["source_id"] != moved["target_id"]).all()
    assert moved.select("source_id", "target_id", "time").is_unique().all()
    assert moved["strength"].min() >= 0
    assert moved["strength"].is_sorted(descending=True)
    assert moved["effect"].min() < 0 < moved["effect"].max()
    assert 0 < moved["p_value"].min() <= moved["p_value"].max() <= 1


def test_influence_over_all_time_is_the_sum_of_the_steps(table, moved):
    total = table("influence", "--total")
    sums = moved.group_by("source_id", "target_id").agg(
        pl.col("effect").sum().alias("sum_effect"), pl.col("strength").sum().alias("sum_strength"), pl.col("time").max()
    )
    both = total.join(sums, on=["source_id", "target_id"])
    assert len(total) == len(both) == len(sums)
    assert (both["time"] == both["time_right"]).all()
    for name in ("effect", "strength"):
        assert abs(both[name] - both[f"sum_{name}"]).max() < 1e-5


def test_influence_of_one_person_goes_both_ways(table, moved):
    own = table("influence", "--user", "ana")
    assert_frame_equal(own, moved.filter((pl.col("source_id") == "ana") | (pl.col("target_id") == "ana")))
    assert {"ana"} < set(own["source_id"])
    assert {"ana"} < set(own["target_id"])


def test_recommendations_are_ranked(table, town):
    shown = table("recommend", "--top", 4)
    assert shown.columns == RECOMMEND
    items = set(pl.read_csv(town.log / "items.csv")["item_id"])
    last = shown["time"].unique()
    assert len(last) == 1
    for (_,), rows in shown.group_by("user_id"):
        assert rows["rank"].to_list() == [1, 2, 3, 4]
        assert rows["item_id"].n_unique() == 4
        assert set(rows["item_id"]) <= items
        assert rows["value"].is_sorted(descending=True)
    assert shown["user_id"].n_unique() == 12
    assert (shown["propensity"] == 1).all()
    assert (shown["reason"].str.len_chars() > 0).all()


def test_chance_has_its_share(table):
    shown = table("recommend", "--top", 4, "--epsilon", 0.5)
    assert 0 < shown["propensity"].min() <= shown["propensity"].max() < 1
    best = table("recommend", "--top", 4)
    assert not shown["item_id"].equals(best["item_id"])


def test_a_machine_reads_the_same_from_stdout(command, town, table):
    for words in (("predict", "--user", "ana"), ("recommend", "--top", 2), ("influence", "--top", 10_000)):
        told = command(*town.ask(*words, "--json"))
        words = words[:1] if words[0] == "influence" else words
        whole = table(*words)
        assert (told.code, told.err) == (0, "")
        assert [list(row) for row in told.json[:1]] == [whole.columns]
        assert len(told.json) == len(whole)


def test_people_get_the_strongest_alone(command, town):
    told = command(*town.ask("influence", "--top", 3))
    header, *rows = told.out.splitlines()
    assert header.split() == INFLUENCE
    assert len(rows) == 3


def test_the_guard_bars_what_its_rules_say_and_the_audit_tells_it(town, command, tmp_path):
    rules, audit = tmp_path / "rules.toml", tmp_path / "audit.jsonl"
    rules.write_text('[[rule]]\nname = "no music"\nclasses = ["music"]\nat_most = 0\n')
    words = ("recommend", "--top", 40, "--epsilon", 0.5, "--json")
    held = command(*town.ask(*words), "--rules", rules, "--audit", audit)
    free = command(*town.ask(*words), "--no-guard")
    assert (held.code, free.code) == (0, 0), held.err + free.err
    shown, every = pl.DataFrame(held.json), pl.DataFrame(free.json)
    kinds = pl.read_csv(town.log / "items.csv").with_columns(music=pl.col("tags").str.contains("music"))
    assert not shown.join(kinds, on="item_id")["music"].any()
    assert every.join(kinds, on="item_id")["music"].any()
    lines = pl.read_ndjson(audit)
    assert lines.columns == ["user_id", "network", "time", "state", "pleasure", "barred", "candidates", "shown"]
    assert (lines["barred"] == kinds["music"].sum()).all()
    told = lines.select("user_id", "candidates").explode("candidates").unnest("candidates").join(kinds, on="item_id")
    assert ((told["rule"] == "no music").fill_null(False) == told["music"]).all()
    first = lines.select("user_id", "shown").explode("shown").unnest("shown")
    assert first["item_id"].to_list() == shown["item_id"].to_list()
    assert first["propensity"].to_list() == pytest.approx(shown["propensity"].to_list())
