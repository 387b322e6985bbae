"""Ray is there: a cluster that runs somewhere, or one on this machine for as long as it is needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emotide.errors import BadInput

STORE = 200_000_000  # bytes of Ray's object store on this machine: states do not go through it


@contextmanager
def ray_session(address: str | None = None, workers: int = 2) -> Iterator[Any]:
    """Ray, as a module that is connected.

    Args:
        address: of a running cluster ('auto', 'ray://host:10001', 'host:6379'); None or '' starts one here, which ends
            with the block.
        workers: processes that the one here has room for.

    Raises:
        BadInput: Ray is not installed, or nothing answers at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise BadInput("work on several workers needs Ray: pip install 'emotide[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, object_store_memory=STORE, include_dashboard=False, **quiet)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = f"no Ray cluster answers at {address!r}" if address else "Ray does not start here"
        raise BadInput(f"{where}: {str(error).splitlines()[0]}") from error
    try:
        yield ray
    finally:
        ray.shutdown()
