"""Parts in network namespaces, each with an address and a wire of its own, as on separate hosts (Linux, as root)."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.scale.world import drawn, large
from emotide.cluster.part import Part
from emotide.cluster.peers import Peers, gloo
from emotide.cluster.run import PartRun
from emotide.cluster.states import write_parts
from emotide.model.trace import states_before

USERS, HOSTS = 2000, (2, 4)
NET, DELAY = "10.213.77", "1ms"
NAME = f"emo{os.getpid() % 10000}"


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{HOSTS: {"max_abs_diff", "seconds", "waited", "megabytes"}}`; `{"left_out": why}` where it is not allowed.

    The difference is of H after all steps from that of one process; the wire delays packets by 1 ms where the kernel
    can. Each host is a process of its own, without Ray. Of the first seed.
    """
    found: dict[str, Any] = {}
    with large(USERS, seeds[0]) as timeline, TemporaryDirectory(prefix="emotide-bench-") as folder:
        model, vectors = drawn(timeline, seeds[0])
        users = np.arange(len(timeline.users))
        H, _ = states_before(model, timeline, vectors, None, users, np.full(len(users), 10**6))
        for number, hosts in enumerate(HOSTS):
            progress(number, len(HOSTS), f"{hosts} hosts")
            room = Path(folder) / str(hosts)
            write_parts(timeline, vectors, hosts, room)
            try:
                with wires(hosts) as spaces:
                    found[str(hosts)] = _run(room, spaces, seeds[0], H)
            except (OSError, subprocess.CalledProcessError) as error:
                return {"left_out": f"no network namespaces here: {error}"}
    return found


@contextmanager
def wires(hosts: int) -> Iterator[list[str]]:
    """Namespaces on one bridge, whose address ends in 1; theirs in 2 and so on."""
    with ExitStack() as undone:
        _ip(f"link add {NAME} type bridge")
        undone.callback(_ip, f"link del {NAME}")
        _ip(f"addr add {NET}.1/24 dev {NAME}")
        _ip(f"link set {NAME} up")
        spaces = [f"{NAME}-{k}" for k in range(hosts)]
        for k, space in enumerate(spaces):
            _ip(f"netns add {space}")
            undone.callback(_ip, f"netns del {space}")
            _ip(f"link add {NAME}v{k} type veth peer name eth0 netns {space}")
            _ip(f"link set {NAME}v{k} master {NAME} up")
            _ip(f"-n {space} addr add {NET}.{k + 2}/24 dev eth0")
            _ip(f"-n {space} link set eth0 up")
            _ip(f"-n {space} link set lo up")
            words = ["ip", "netns", "exec", space, *f"tc qdisc add dev eth0 root netem delay {DELAY}".split()]
            subprocess.run(words, capture_output=True, check=False)
        yield spaces


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


def _run(room: Path, spaces: list[str], seed: int, H: np.ndarray) -> dict[str, Any]:
    store = gloo.TCPStore(f"{NET}.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
    code = "from emotide.bench.scale.hosts import host; host()"
    begun = time.perf_counter()
    running = [
        subprocess.Popen(
            ["ip", "netns", "exec", space, sys.executable, "-c", code, str(room), str(k), str(store.port), str(seed)],
            env=os.environ | {"GLOO_SOCKET_IFNAME": "eth0", "OMP_NUM_THREADS": "1"},
        )
        for k, space in enumerate(spaces)
    ]
    codes = [process.wait() for process in running]
    if any(codes):
        raise OSError("a host's process failed")
    told = [dict(np.load(room / f"said-{k}.npz")) for k in range(len(spaces))]
    return {
        "max_abs_diff": max(float(np.abs(one["H"] - H[one["user"]]).max()) for one in told),
        "seconds": round(max(float(one["seconds"]) for one in told), 2),
        "waited": round(max(float(one["waited"]) for one in told), 2),
        "megabytes": round(sum(float(one["sent"]) for one in told) / 1e6, 2),
        "with_start": round(time.perf_counter() - begun, 1),
    }


def host() -> None:
    """What a host does: its part of all steps."""
    room, number, port, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    part = Part.load(room / str(number))
    model, _ = drawn(part.timeline, seed)
    peers = Peers.meet((f"{NET}.1", port), "hosts", number, part.parts, 60.0)
    mine = PartRun(model, part, peers)
    begun = time.perf_counter()
    mine.run(0, part.steps)
    seconds, traffic = time.perf_counter() - begun, peers.traffic
    told: dict[str, Any] = {"seconds": seconds, "waited": traffic.waited, "sent": traffic.sent}
    told |= mine.states()
    np.savez(room / f"said-{number}.npz", **told)
    peers.summed(torch.ones(1))  # nobody hangs up before all are done


BENCH = Bench("parts in network namespaces, as on separate hosts", None, run)
