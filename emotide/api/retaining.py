"""Retention by age: what is older than so long leaves the store and the caches (DESIGN 6)."""

import re
from datetime import UTC, datetime, timedelta

import polars as pl

from emotide.api.caches import forget_in_caches
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def age(text: str) -> timedelta:
    """A length of time, such as 365d, 8w or 12h.

    Raises:
        BadInput: it is none, or longer than there are years.
    """
    found = re.fullmatch(r"(\d{1,6})\s*([hdw])", text.strip())
    if found is None:
        raise BadInput(f"{text!r} is no age: wanted a number of hours, days or weeks, such as 365d")
    return int(found[1]) * UNITS[found[2]]


def retain(log: SocialLog, older_than: str, really: bool = False, now: datetime | None = None) -> pl.DataFrame:
    """Erase posts, interactions, labels and feedback past an age, or with `really` false only count them.

    All compiled timelines go, since they hold what the store held; media lie outside and stay.

    Args:
        log: the store's.
        older_than: the age: 365d, 8w, 12h.
        really: whether to do it; it is noted in the audit trail then.
        now: from when it is counted back.

    Returns:
        place, what, rows (of which `users` are those of whom nothing is left), erased (whether it was done).

    Raises:
        BadInput: that is no age, or one from before 1970.
    """
    try:
        before = (now or datetime.now(UTC)) - age(older_than)
    except OverflowError as error:
        raise BadInput(f"{older_than} reaches back before all times") from error
    done = log.store.retain(before, really)
    rows = [(log.store.url, what, number) for what, number in done.rows.items()]
    if really:
        rows += [("cache", what, n) for what, n in forget_in_caches(None, done.texts, done.media).items()]
    rows += [(place, "media file, still there", 0) for place in done.media]
    table = pl.DataFrame(rows, ["place", "what", "rows"], orient="row")
    return table.with_columns(erased=pl.lit(really))
