"""2 and 4 parts against one process: states and gradients over the steps of a random network, by threads that talk."""

import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.scale.world import drawn, large
from emotide.cluster.cut import cut
from emotide.cluster.part import Part
from emotide.cluster.partition import by_hash
from emotide.cluster.peers import Peers, gloo
from emotide.cluster.training import PartTraining
from emotide.model import AffectiveModel, Batch, NetworkConfig
from emotide.timeline import Timeline
from emotide.train.config import TrainConfig
from emotide.train.loss import class_weights, window_loss

USERS, STEPS, PARTS = 300, 50, (2, 4)
SURE = TrainConfig(behaviour=0.0)
NOTHING_DROPPED = NetworkConfig(dropout=0, input_dropout=0, shortcut_dropout=0)


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"max_abs_diff": {PARTS: most}, "states": {PARTS: …}, "gradients": {PARTS: …}}`: the largest over seeds."""
    found: dict[str, dict[str, float]] = {"states": {}, "gradients": {}}
    for seed in seeds:
        with large(USERS, seed) as timeline:
            model, vectors = drawn(timeline, seed, NOTHING_DROPPED)
            states, slopes = alone(model, timeline, vectors)
            for number, parts in enumerate(PARTS):
                progress(number, len(PARTS), f"{parts} parts, seed {seed}")
                H, mine = in_parts(model, timeline, vectors, parts)
                gaps = {"states": gap([H], [states]), "gradients": gap(mine, slopes)}
                for name, value in gaps.items():
                    found[name][str(parts)] = max(value, found[name].get(str(parts), 0.0))
    most = {parts: max(kind[parts] for kind in found.values()) for parts in found["states"]}
    return {"max_abs_diff": most, **found}


def gap(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest difference of any two numbers."""
    return max(float((one - other).abs().max()) for one, other in zip(some, others, strict=True))


def alone(model: AffectiveModel, timeline: Timeline, vectors: Tensor) -> tuple[Tensor, list[Tensor]]:
    """H after all steps, and the gradients of the loss over them, in one process."""
    mine, group = deepcopy(model).train(), timeline.group()
    classes = {"ekman": class_weights(timeline, "ekman", SURE.class_weights)}
    state = mine.network.initial(len(group.users), group.pairs)
    unrolled = list(mine.unroll(Batch(group), vectors, state, 0, STEPS))
    loss = window_loss(mine, unrolled, vectors, classes, SURE)
    if loss is None:
        raise ValueError("the network holds nothing to learn from")
    loss.backward()  # type: ignore[no-untyped-call]
    return unrolled[-1].state.H.detach(), _slopes(mine)


def in_parts(model: AffectiveModel, timeline: Timeline, vectors: Tensor, parts: int) -> tuple[Tensor, list[Tensor]]:
    """The same in parts."""
    classes = {"ekman": class_weights(timeline, "ekman", SURE.class_weights)}

    def work(part: Part, peers: Peers) -> tuple[np.ndarray, Tensor, list[Tensor]]:
        mine = deepcopy(model).train()
        training = PartTraining(mine, part, peers, classes, SURE)
        state = mine.network.initial(len(part.user), training.batch.group.pairs)
        loss, after = training.window(state, 0, STEPS, None)
        if loss is None:
            raise ValueError("the network holds nothing to learn from")
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            training.cut.put(state, after)
        here = part.guests.users
        return part.user[:here], state.H[:here].detach(), [peers.summed(slope) for slope in _slopes(mine)]

    found = threaded(cut(timeline, by_hash(timeline, parts), parts, vectors.numpy()), work)
    H = torch.empty(len(timeline.users), model.network.config.state)
    for user, held, _ in found:
        H[torch.from_numpy(user.astype(np.int64))] = held
    return H, found[0][2]


def threaded(parts: Sequence[Part], work: Callable[[Part, Peers], Any]) -> list[Any]:
    """What each part's work returns, each in a thread of its own."""
    store = gloo.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
    found, failed = dict[int, Any](), list[BaseException]()

    def one(part: Part) -> None:
        try:
            found[part.number] = work(part, Peers.meet(("127.0.0.1", store.port), "all", part.number, part.parts))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return [found[part.number] for part in parts]


def _slopes(model: AffectiveModel) -> list[Tensor]:
    return [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]


BENCH = Bench("2 and 4 parts against one process: largest difference of states and gradients over 50 steps", None, run)
