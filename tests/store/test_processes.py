"""Real processes: two that write at once, and one that is killed while it writes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emotide.store import Store

ROOT = Path(__file__).parents[2]
INGEST = """
import sys, time
from emotide.store import Store
def tell(done, total, what):
    if done:
        print("writing", flush=True)
        time.sleep(float(sys.argv[3]))
print(Store.open(sys.argv[1]).ingest(sys.argv[2], progress=tell).new, flush=True)
"""


def start(url, log, pause=0.0):
    """Another Python that ingests a log, and pauses in the middle of its transaction."""
    command = [sys.executable, "-c", INGEST, url, str(log), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def write(folder, first, rows):
    folder.mkdir()
    lines = [f"p{n},u{n % 10},{n}" for n in range(first, first + rows)]
    (folder / "posts.csv").write_text("\n".join(["post_id,user_id,time", *lines]))
    return folder


def test_two_processes_at_once_both_succeed(url, tmp_path):
    logs = [write(tmp_path / "a", 0, 2000), write(tmp_path / "b", 1000, 2000)]
    running = [start(url, log, pause=0.2) for log in logs]  # the store does not exist yet: both create it
    told = [int(process.communicate(timeout=60)[0].split()[-1]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum(told) == 3000
    assert Store.open(url).counts()["posts"] == 3000


def test_a_killed_process_leaves_nothing_of_its_file(url, tmp_path):
    log = write(tmp_path / "log", 0, 2000)
    store = Store.open(url)
    digest = store.digest()
    process = start(url, log, pause=60)
    assert process.stdout.readline() == "writing\n"  # rows are written, not committed
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert (store.counts()["posts"], store.digest()) == (0, digest)
    assert store.ingest(log).new == 2000


def test_readers_work_while_somebody_writes(url, tmp_path):
    store = Store.open(url)
    store.ingest(write(tmp_path / "a", 0, 10))
    process = start(url, write(tmp_path / "b", 10, 10), pause=60)
    try:
        assert process.stdout.readline() == "writing\n"
        assert len(store.table("posts")) == 10
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("threads", [4])
def test_threads_share_a_store(url, tmp_path, threads):
    from concurrent.futures import ThreadPoolExecutor

    store = Store.open(url)
    logs = [write(tmp_path / f"log{n}", 100 * n, 150) for n in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        reports = list(pool.map(store.ingest, logs))
    assert sum(report.new for report in reports) == store.counts()["posts"] == 100 * threads + 50
