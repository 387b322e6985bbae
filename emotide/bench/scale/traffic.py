"""What goes between parts before a step, by how well users were dealt."""

from pathlib import Path
from typing import Any

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.scale.world import drawn, large
from emotide.cluster.cut import cut
from emotide.cluster.partition import PARTITIONS, quality

USERS, PARTS = 20_000, (2, 4)


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"traffic": {PARTITION: {PARTS: {"cut_pairs", "cut_sights", "balance", "rows", "kilobytes", "of_all"}}}}`.

    `rows` of H and A and their `kilobytes` are of a step, between all parts; `of_all` is the share that rows of H have
    of all that sights of others would ask for if a state were sent whenever it is read. Of the first seed.
    """
    found: dict[str, dict[str, Any]] = {}
    with large(USERS, seeds[0]) as timeline:
        model, vectors = drawn(timeline, seeds[0])
        config, e = model.network.config, timeline.events
        for number, (name, deal) in enumerate(PARTITIONS.items()):
            found[name] = {}
            for parts in PARTS:
                progress(number, len(PARTITIONS), f"{name}, {parts} parts")
                dealt = deal(timeline, parts)
                made = cut(timeline, dealt, parts, vectors.numpy())
                end = timeline.group().first_step + timeline.group().steps
                taken = [
                    sum(int((part.lines[kind][0] < end).sum()) for part in made) for kind in ("take_user", "take_pair")
                ]
                across = int((dealt[e.pair_source] != dealt[e.pair_target]).sum())
                steps = timeline.group().steps
                size = 4 * (taken[0] * config.state + taken[1] * config.influence)
                told = {key: round(value, 4) for key, value in quality(timeline, dealt)._asdict().items()}
                found[name][str(parts)] = told | {
                    "rows": round(sum(taken) / steps, 1),
                    "kilobytes": round(size / steps / 1e3, 1),
                    "of_all": round(taken[0] / max(across, 1), 4),
                    "bytes_a_cut_sight": round(size / max(across, 1), 1),
                }
    return {"traffic": found, "users": USERS}


BENCH = Bench("what goes between parts before a step, by how well users were dealt", None, run)
