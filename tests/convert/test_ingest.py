"""A converted log is a social log: the store takes every row."""

import pytest

from emotide.convert import convert
from emotide.store import Store


def test_no_row_of_a_sample_is_rejected_or_unknown(name, sample, tmp_path):
    counts = convert(name, sample(name), tmp_path / "log")
    store = Store.open(tmp_path / "log.db")
    report = store.ingest(tmp_path / "log")
    assert (report.rejected, report.warnings) == (0, [])
    stored = {table: rows for table, rows in store.counts().items() if rows}
    replies = {"interactions": 1 + 3} if name == "fanchuan" else {}  # three more that reply_to tells
    assert stored == counts | replies


@pytest.mark.parametrize("name", ["fanchuan", "meld", "social_evolution"])
def test_no_row_of_a_real_set_is_rejected(name, data_dir, tmp_path):
    counts = convert(name, data_dir / name, tmp_path / "log")
    store = Store.open(tmp_path / "log.db")
    report = store.ingest(tmp_path / "log")
    assert (report.rejected, report.new) == (0, sum(counts.values()))
    answers = 6_563 + 1_954 + 1_105 + 749 + 708
    assert store.counts()["interactions"] == (answers if name == "fanchuan" else counts.get("interactions", 0))
