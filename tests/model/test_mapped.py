"""States in files are the states in memory: the same trace, and rows that are written where they were mapped."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from emotide.model.mapped import let_go, mapped
from emotide.model.trace import every_report, trace


@pytest.mark.parametrize("rows", [0, 1, 70_000])
def test_a_mapped_table_is_the_row_as_often_as_wanted(tmp_path, rows):
    row = torch.randn(3, requires_grad=True)
    table = mapped(tmp_path / "H", row, rows)
    torch.testing.assert_close(table, row.detach().expand(rows, -1), rtol=0, atol=0)
    assert (tmp_path / "H").stat().st_size == 4 * 3 * rows


def test_what_is_written_into_a_table_is_in_its_file_and_a_new_table_leaves_the_older_one(tmp_path):
    table = mapped(tmp_path / "H", torch.zeros(2), 3)
    table[1] = 7
    np.testing.assert_array_equal(np.fromfile(tmp_path / "H", np.float32), [0, 0, 7, 7, 0, 0])
    mapped(tmp_path / "H", torch.ones(2), 3)
    assert table.tolist() == [[0, 0], [7, 7], [0, 0]]


@pytest.mark.parametrize("shown", [None, every_report], ids=["hidden", "known"])
def test_a_trace_with_mapped_states_is_the_trace_without(world, model, shown, tmp_path):
    timeline, vectors = world()
    kept = trace(model, timeline, vectors, shown, horizon=2)
    filed = trace(model, timeline, vectors, shown, horizon=2, folder=tmp_path)
    for one, other in zip(vars(kept).values(), vars(filed).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(kept.Y) == len(timeline.events.active_user) + 2 * len(timeline.users)
    assert {file.name for file in tmp_path.iterdir()} == {"H", "A", "M"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what is held")
def test_what_was_let_go_is_not_held_and_reads_the_same(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(4_000_000))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")[5:]
    before = held(tmp_path / "rows.npy")
    total = rows.sum()
    assert held(tmp_path / "rows.npy") - before > 30_000
    let_go(rows)
    assert held(tmp_path / "rows.npy") < 1000
    assert rows.sum() == total


def test_what_may_be_written_is_never_let_go(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(9))
    mine = np.load(tmp_path / "rows.npy", mmap_mode="c")
    mine[0] = 5
    for array in (mine, mine[1:], np.arange(3), "no array"):
        let_go(array)
    assert mine[0] == 5


def held(file):
    """KB of a file that this process holds in memory."""
    maps = Path("/proc/self/smaps").read_text("utf-8").split(str(file))[1:]
    return sum(int(part.split("Rss:")[1].split()[0]) for part in maps)
