"""Ray Data as it is used here: items go to workers by blocks; who dies is started anew, its blocks are tried again."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

Rows = dict[str, Any]  # columns of a block


def worked(
    ray: Any,
    worker: type,
    arguments: Sequence[object],
    items: Sequence[object],
    workers: int,
    block: int,
    kept: int = 1,
) -> Iterator[Rows]:
    """What workers make of items, as it is ready; the order is anybody's.

    Args:
        ray: connected.
        worker: a class; an instance is called with blocks, whose column `item` holds the items.
        arguments: of its constructor.
        items: what there is to do.
        workers: how many instances at most.
        block: how many items one takes at once.
        kept: how many rows are given at once.
    """
    from ray.data import ActorPoolStrategy, DataContext

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # its plans are of no interest to who asked
    DataContext.get_current().enable_progress_bars = False
    blocks = -(-len(items) // block)
    given = ray.data.from_items([{"item": item} for item in items], override_num_blocks=blocks)
    made = given.map_batches(
        worker, fn_constructor_args=tuple(arguments), batch_size=block, num_cpus=1, max_restarts=-1, max_task_retries=3,
        compute=ActorPoolStrategy(size=min(workers, blocks), max_tasks_in_flight_per_actor=1),
    )  # fmt: skip
    yield from made.iter_batches(batch_size=kept, prefetch_batches=1)
