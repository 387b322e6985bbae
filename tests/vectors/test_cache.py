"""Vectors are computed once."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from emotide.vectors import VectorCache, default_cache
from emotide.vectors.cache import BLOCK

WIDTH = 3


class Counting:
    """An encoder that remembers what it was asked."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale, self.asked = scale, []

    def __call__(self, texts):
        self.asked += texts
        return np.array([[self.scale * len(text), ord(text[0]) if text else 0, 1] for text in texts])


def test_each_text_is_computed_once_and_comes_back_in_the_order_asked(tmp_path):
    encode = Counting()
    cache = VectorCache(tmp_path / "new" / "vectors.sqlite")
    first = cache.vectors("e", WIDTH, ["b", "aa", "b", ""], encode)
    assert encode.asked == ["b", "aa", ""]
    assert_array_equal(first, [[1, 98, 1], [2, 97, 1], [1, 98, 1], [0, 0, 1]])
    assert first.dtype == np.float32
    again = VectorCache(cache.file).vectors("e", WIDTH, ["aa", "c", "b"], encode)
    assert encode.asked == ["b", "aa", "", "c"]
    assert_array_equal(again, [[2, 97, 1], [1, 99, 1], [1, 98, 1]])


def test_another_encoder_has_vectors_of_its_own(tmp_path):
    cache, one, two = VectorCache(tmp_path / "v"), Counting(), Counting(scale=5)
    assert cache.vectors("one", WIDTH, ["abc"], one)[0, 0] == 3
    assert cache.vectors("two", WIDTH, ["abc"], two)[0, 0] == 15
    assert cache.vectors("one", WIDTH, ["abc"], one)[0, 0] == 3
    assert (one.asked, two.asked) == (["abc"], ["abc"])


def test_no_text_at_all(tmp_path):
    assert VectorCache(tmp_path / "v").vectors("e", WIDTH, [], Counting()).shape == (0, WIDTH)


def test_many_texts_are_computed_in_blocks_that_are_kept_one_by_one(tmp_path):
    texts = [f"{k}" for k in range(2 * BLOCK + 5)]
    cache, told = VectorCache(tmp_path / "v"), []

    class Interrupted(Exception):
        pass

    def failing(block):
        if texts[BLOCK] in block:
            raise Interrupted
        return Counting()(block)

    with pytest.raises(Interrupted):
        cache.vectors("e", WIDTH, texts, failing)
    encode = Counting()
    got = cache.vectors("e", WIDTH, texts, encode, lambda *row: told.append(row))
    assert encode.asked == texts[BLOCK:]  # the first block was kept
    assert told == [(BLOCK, BLOCK + 5, "text vectors"), (BLOCK + 5, BLOCK + 5, "text vectors")]
    assert_array_equal(got[:, 0], [len(text) for text in texts])


def test_it_keeps_no_text(tmp_path):
    cache = VectorCache(tmp_path / "v")
    cache.vectors("e", WIDTH, ["a very private sentence"], Counting())
    assert b"private" not in cache.file.read_bytes()


WORKER = """
import sys
from pathlib import Path
import numpy as np
from emotide.vectors import VectorCache
first = int(sys.argv[2])
texts = [f"{k:04}" for k in range(first, first + 400)]
sys.stdin.readline()  # all begin together
cache = VectorCache(Path(sys.argv[1]))
got = cache.vectors("e", 1, texts, lambda block: np.array([[float(text)] for text in block]))
assert got[:, 0].tolist() == [float(text) for text in texts]
"""


def test_several_processes_at_once(tmp_path):
    file = tmp_path / "vectors.sqlite"
    start = [sys.executable, "-c", WORKER, str(file)]
    workers = [subprocess.Popen([*start, str(k)], stdin=subprocess.PIPE) for k in range(3)]
    for worker in workers:
        worker.stdin.write(b"\n")
        worker.stdin.close()
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    with closing(sqlite3.connect(file)) as kept:
        assert kept.execute("SELECT count(*) FROM vectors_of").fetchone() == (402,)


def test_several_threads_at_once(tmp_path):
    cache, texts = VectorCache(tmp_path / "v"), [f"{k}" for k in range(300)]

    def run(worker):
        return cache.vectors("e", WIDTH, texts[worker:], Counting())

    with ThreadPoolExecutor(8) as pool:
        for worker, got in enumerate(pool.map(run, range(8))):
            assert_array_equal(got[:, 0], [len(text) for text in texts[worker:]])


def test_the_folder_is_the_users_or_the_one_named(monkeypatch, tmp_path):
    monkeypatch.delenv("EMOTIDE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "emotide"
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "own"))
    assert default_cache() == tmp_path / "own"
