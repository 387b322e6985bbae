"""Files beside a store: what names a person goes, what names others stays, by the kind of file."""

import json

import polars as pl
import pytest

from emotide.api.files_beside import forget_in_file
from emotide.api.forgetting import bytes_left
from emotide.errors import BadInput

WHO = "person-7f3a91"


def test_a_decision_of_an_audit_keeps_its_id_and_time_alone(tmp_path):
    file = tmp_path / "audit.jsonl"
    inside = {"state": [0.1, 0.2], "candidates": [{"item_id": "i", "value": 1.0}], "shown": [{"item_id": "i"}]}
    decision = {"decision_id": "d1", "user_id": WHO, "network": "", "time": "2024-01-01", **inside}
    other = {**decision, "decision_id": "d2", "user_id": "bo"}
    old = {key: value for key, value in decision.items() if key != "decision_id"}
    file.write_text("".join(json.dumps(row) + "\n" for row in (decision, other, old)))
    assert forget_in_file(file, WHO) == 2
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"decision_id": "d1", "time": "2024-01-01", "network": "", "erased": True},
        other,
        {"time": "2024-01-01", "network": "", "erased": True},
    ]
    assert bytes_left(file, WHO) == 0


def test_of_json_the_smallest_objects_go(tmp_path):
    file = tmp_path / "report.json"
    report = {
        "people": [{"user_id": WHO, "mood": 1}, {"user_id": "bo", "met": [WHO, "cy"]}],
        "by_person": {WHO: [1, 2], "bo": [3]},
        "edges": [["bo", WHO], ["bo", "cy"]],
        "n": 2,
    }
    file.write_text(json.dumps(report))
    assert forget_in_file(file, WHO) > 0
    assert json.loads(file.read_text()) == {
        "people": [{"user_id": "bo", "met": ["cy"]}],
        "by_person": {"bo": [3]},
        "edges": [["bo"], ["bo", "cy"]],
        "n": 2,
    }
    file.write_text(json.dumps({"user_id": WHO}))
    assert forget_in_file(file, WHO) == 1
    assert file.read_text() == "{}"


def test_rows_of_parquet_go_also_from_lists(tmp_path):
    file = tmp_path / "out.parquet"
    rows = {"user_id": [WHO, "bo", "cy"], "met": [["bo"], [WHO], ["bo"]], "value": [1.0, 2.0, 3.0]}
    pl.DataFrame(rows).write_parquet(file)
    assert forget_in_file(file, WHO) == 2
    assert pl.read_parquet(file).rows() == [("cy", ["bo"], 3.0)]
    assert bytes_left(file, WHO) == 0


@pytest.mark.parametrize("user", [WHO, "Zoë & co", 'a"b'])
def test_a_page_that_names_the_person_goes_whole(tmp_path, user):
    import html

    for k, form in enumerate((html.escape(user), json.dumps(user))):
        file = tmp_path / f"{k}.html"
        file.write_text(f"<p>{form}</p>", "utf-8")
        other = tmp_path / "other.html"
        other.write_text("<p>bo</p>")
        assert forget_in_file(file, user) == 1
        assert not file.exists()
        assert forget_in_file(other, user) == 0
        assert other.exists()


def test_names_that_only_begin_alike_stay_and_escapes_are_seen(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"user_id": "{WHO}-2"}}\n' + json.dumps({"user_id": "Zoë"}) + "\n")
    assert forget_in_file(file, WHO) == 0
    assert forget_in_file(file, "Zoë") == 1
    assert file.read_text() == f'{{"user_id": "{WHO}-2"}}\n'


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_a_damaged_file_is_named_and_left(tmp_path, ending):
    file = tmp_path / f"x.{ending}"
    file.write_text(f"{{{WHO}")
    with pytest.raises(BadInput, match="erase it by hand"):
        forget_in_file(file, WHO)
    assert file.read_text() == f"{{{WHO}"
