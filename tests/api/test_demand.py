"""`emotide demand` on the town of this folder."""

import polars as pl
import pytest

COLUMNS = ["group", "time", "topic", "value", "share", "n", "change"]


def asked(command, town, *words) -> pl.DataFrame:
    told = command(*town.ask("demand", *words, "--json"))
    assert told.code == 0, told.err
    return pl.DataFrame(told.json, infer_schema_length=None)


def test_a_network_wants_topics(command, town):
    table = asked(command, town)
    assert table.columns == COLUMNS
    tags = set(",".join(pl.read_csv(town.log / "items.csv")["tags"]).split(","))
    assert set(table["topic"]) == tags
    assert table["n"].unique().to_list() == [12]
    assert table["share"].sum() == pytest.approx(1)
    assert table["value"].is_sorted(descending=True)
    assert table["change"].null_count() == len(table)


def test_change_is_against_the_step_before(command, town):
    table = asked(command, town, "--moments", 3)
    assert table["time"].n_unique() == 3
    for _, rows in table.group_by("topic"):
        line = rows.sort("time")
        assert line["change"][0] is None
        assert line["change"][1:].to_list() == pytest.approx(line["value"].diff()[1:].to_list(), abs=1e-6)
    assert (table["change"].drop_nulls() != 0).any()


@pytest.mark.parametrize("by", ["mood", "group", "user"])
def test_groups_below_the_least_are_left_out(command, town, by):
    every, some = (asked(command, town, "--by", by, "--least", least) for least in (1, 4))
    sizes = every.select("group", "n").unique()
    assert sizes["n"].sum() == 12
    left = set(some["group"]) if len(some) else set()  # no rows as JSON have no columns
    assert left == set(sizes.filter(pl.col("n") >= 4)["group"])


def test_one_person(command, town):
    table = asked(command, town, "--user", "ana")
    assert set(table["group"]) == {"ana"}
    assert table["n"].unique().to_list() == [1]


def test_it_is_drawn_and_exported(command, town, tmp_path):
    told = command(*town.ask("demand"), "--plot", tmp_path / "d.svg", "--out", tmp_path / "d.csv", "--moments", 2)
    assert told.code == 0, told.err
    assert (tmp_path / "d.svg").read_text().startswith("<?xml")
    assert pl.read_csv(tmp_path / "d.csv").columns == COLUMNS
    wrong = command(*town.ask("demand"), "--by", "moood")
    assert wrong.code == 1
    assert "did you mean 'mood'" in wrong.err
