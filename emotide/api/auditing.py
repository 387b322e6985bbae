"""The audit trail looked over: whether it is whole, and its head to be kept somewhere else."""

import polars as pl

from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.store.audit import broken_at


def verified(log: SocialLog, head: str | None = None) -> pl.DataFrame:
    """rows, head: of a trail that is whole.

    Args:
        log: the store's.
        head: one noted earlier: rows cut off at the end show by it alone.

    Raises:
        BadInput: a row was changed or is missing, or the head is not in the trail.
    """
    trail = log.store.audit()
    broken = broken_at(trail)
    if broken is not None:
        raise BadInput("was changed, or one before it is missing", f"audit trail of {log.store.url}", broken)
    if head is not None and head not in trail["chain"]:
        raise BadInput(f"has no head {head!r}: rows were cut off, or it is another store's", log.store.url)
    last = trail["chain"][-1] if len(trail) else ""
    return pl.DataFrame({"rows": [len(trail)], "head": [last]})
