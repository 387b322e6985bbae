"""Every event exactly once: files that are cut, rotated and half written, a pipe, crashes between batches."""

import json
import os

import pytest

from emotide.errors import BadInput
from emotide.live.sources import FileTail, StandardInput, follow, into, lines

from .conftest import Pauses, Stop, Taker, append, event


def run(path, taker, *plans):
    """Follow a file until nothing is planned; returns what was wrong."""
    wrong = []
    pauses = Pauses(*plans)
    tail = FileTail(path, sleep=pauses)
    try:
        with pytest.raises(Stop):
            follow(tail, into(taker), lambda *told: wrong.append(told), sleep=pauses)
    finally:
        tail.close()
    return wrong


def test_a_file_is_read_as_it_grows_and_half_a_line_waits(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    whole = event(2)
    run(
        path, taker,
        lambda: append(path, event(0)),  # the file comes later
        lambda: append(path, event(1) + whole[:9]),
        lambda: append(path, whole[9:]),
    )  # fmt: skip
    assert (taker.n, taker.deliveries) == ([0, 1, 2], 3)


def test_it_resumes_at_the_place_kept(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0) + event(1))
    run(path, taker)
    append(path, event(2))
    run(path, taker)
    assert (taker.n, taker.deliveries) == ([0, 1, 2], 3)


def test_what_had_no_receipt_comes_again_and_counts_once(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LINES", 2)
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, "".join(event(k) for k in range(10)))
    for crash in range(1, 12):  # after so many batches, before the place is kept
        tail = FileTail(path, wait=False)
        for number, batch in enumerate(tail, 1):
            taker.accept(batch.events)
            if number == crash:
                break
            tail.done(batch)
        tail.close()
    assert taker.n == list(range(10))
    assert taker.deliveries > 10


@pytest.mark.parametrize("name", ["events.jsonl.1", "events.jsonl-20240101"])
def test_a_rotated_file_is_read_to_its_end_before_the_new_one(tmp_path, name):
    path, taker = tmp_path / "events.jsonl", Taker()

    def rotate():
        append(path, event(1) + event(2).rstrip("\n"))  # its last line never gets an end
        path.rename(tmp_path / name)
        append(path, event(3))

    append(path, event(0))
    run(path, taker, rotate, lambda: append(path, event(4)))
    assert (taker.n, taker.deliveries) == ([0, 1, 2, 3, 4], 5)


def test_rotations_while_nobody_looked_are_caught_up(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0))
    run(path, taker)
    append(path, event(1))
    os.utime(path, (1, 1))
    path.rename(tmp_path / "events.jsonl.2")
    append(path, event(2))
    os.utime(path, (2, 2))
    path.rename(tmp_path / "events.jsonl.1")
    append(path, event(3))
    run(path, taker)
    assert (taker.n, taker.deliveries) == ([0, 1, 2, 3], 4)


def test_a_file_that_was_cut_off_is_read_from_its_beginning(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0) + event(1))
    run(path, taker, lambda: path.write_text(event(2)))
    assert taker.n == [0, 1, 2]


def test_another_file_of_the_same_name_and_length_is_not_mistaken(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0))
    run(path, taker)
    path.write_text(event(1))  # the same number of bytes in the same inode
    run(path, taker)
    assert taker.n == [0, 1]


def test_lines_that_hold_no_event_are_told_and_passed(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_EVENT", 200)
    monkeypatch.setattr("emotide.live.sources.source.LONGEST_EVENT", 200)
    path, taker = tmp_path / "events.jsonl", Taker()
    bad = ["{", "[1]", "\n", "x" * 1000, '{"event_id": "w", "type": "wrong"}']
    path.write_bytes(("\n".join(bad) + "\n").encode() + b"\xff\n" + event(1).encode())
    wrong = run(path, taker)
    assert taker.n == [1]
    for (_, reason), wanted in zip(wrong, ["JSON", "list", "longer", "UTF-8", "is wrong"], strict=True):
        assert wanted in reason


def test_an_event_without_an_id_gets_one_of_its_content(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    row = {"type": "post", "post_id": "p", "n": 1}
    append(path, json.dumps(row) + "\n" + json.dumps(row) + "\n" + json.dumps({**row, "n": 2}) + "\n")
    run(path, taker)
    assert taker.n == [1, 2]


def test_a_damaged_place_is_named(tmp_path):
    path = tmp_path / "events.jsonl"
    append(path, event(0))
    (tmp_path / "events.jsonl.place").write_text("{}")
    with pytest.raises(BadInput, match="delete it to read the file from its beginning"):
        next(iter(FileTail(path)))


def test_a_pipe_is_read_as_it_comes():
    taker = Taker()
    readable, writable = os.pipe()
    with open(readable, "rb") as source, open(writable, "wb", buffering=0) as sink:
        batches = iter(StandardInput(source))
        text = (event(0) + event(1) + event(2)).encode()
        sink.write(text[:-9])
        assert [row["n"] for row in next(batches).events] == [0, 1]
        sink.write(text[-9:-1])
        sink.close()
        for batch in batches:
            taker.accept(batch.events)
    assert taker.n == [2]
