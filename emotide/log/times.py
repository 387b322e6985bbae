"""Times as people write them, all rows at once: ISO 8601, or seconds since 1970 (Unix). UTC where no zone is given."""

from datetime import UTC, datetime, timedelta

import polars as pl

from emotide.log.tables import TIME

SECOND = 1_000_000  # microseconds
WANTED = "is neither ISO 8601 nor Unix seconds (2021-11-23T08:00:00Z)"
LAST_SECOND = 253_402_300_799  # the end of the year 9999

_UNIX = r"^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$"
_ISO = (
    r"^(\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(?:[Zz]|UTC|([+-])(\d{2}):?(\d{2})?)?$"
)


def parse_times(values: pl.Series) -> pl.Series:
    """The instants of a column, null where a value is no time.

    Args:
        values: text, numbers (Unix seconds, also fractional), dates or datetimes (UTC when they carry no zone).

    Returns:
        Datetime("us", "UTC"), of the same length.
    """
    if isinstance(values.dtype, pl.Datetime):
        return (values.dt.replace_time_zone("UTC") if values.dtype.time_zone is None else values).cast(TIME)
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if values.dtype.is_numeric():
        return _from_seconds(values)
    if values.dtype != pl.String:
        return pl.Series(values.name, [None] * len(values), dtype=TIME)
    text = values.str.strip_chars()
    is_unix = text.str.contains(_UNIX)
    # each way of writing is parsed only where it occurs: most files hold one
    if is_unix.all():
        return _from_text(text)
    if not is_unix.any():
        return _from_iso(text)
    return _from_text(text.set(~is_unix.fill_null(False), None)).zip_with(is_unix.fill_null(False), _from_iso(text))


def time_faults(times: pl.Series, may_be_future: bool, now: datetime | None = None) -> pl.Series:
    """Why an instant cannot be right, or null: before 1970, or ahead of the clock by more than a day."""
    limit = (now or datetime.now(UTC)) + timedelta(days=1)
    early = times < datetime(1970, 1, 1, tzinfo=UTC)
    ahead = (times > limit) & (not may_be_future)
    reason = pl.when(early).then(pl.lit("lies before 1970")).when(ahead).then(pl.lit("lies in the future"))
    return pl.select(reason.otherwise(None).cast(pl.String).alias("reason"))["reason"]


def _from_text(text: pl.Series) -> pl.Series:
    """Unix seconds written as text; whole seconds apart from the fraction, so that no microsecond is lost."""
    plain = text.str.contains(r"^\d{1,12}$")
    if plain.all():
        return _from_seconds(text.cast(pl.Int64, strict=False))
    return _from_seconds(text.cast(pl.Float64, strict=False))


def _from_seconds(seconds: pl.Series) -> pl.Series:
    in_range = seconds.is_between(-LAST_SECOND, LAST_SECOND)  # also turns away inf and nan
    kept = seconds.set(~in_range.fill_null(False), None)
    return (kept * SECOND if kept.dtype.is_integer() else (kept * SECOND).round()).cast(pl.Int64).cast(TIME)


def _from_iso(text: pl.Series) -> pl.Series:
    parts = text.to_frame("text").select(part=pl.col("text").str.extract_groups(_ISO)).unnest("part")
    date, hour, minute, second, fraction, sign, zone_hour, zone_minute = (pl.col(name) for name in parts.columns)

    def number(part: pl.Expr) -> pl.Expr:
        return part.cast(pl.Int64, strict=False).fill_null(0)

    clock = (number(hour) * 60 + number(minute)) * 60 + number(second)
    micro = number(fraction.str.pad_end(6, "0").str.slice(0, 6))
    offset = (number(zone_hour) * 60 + number(zone_minute)) * 60 * pl.when(sign == "-").then(-1).otherwise(1)
    valid = (
        (number(hour) < 24) & (number(minute) < 60) & (number(second) < 60)
        & (number(zone_hour) < 24) & (number(zone_minute) < 60)
    )  # fmt: skip
    day = date.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")).to_physical()
    instant = day + (clock - offset) * SECOND + micro
    return parts.select(pl.when(valid).then(instant).cast(TIME).alias(text.name))[text.name]
