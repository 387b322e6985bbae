"""Times against Python's own parser."""

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.log import TIME, parse_times
from emotide.log.times import time_faults

MOMENT = datetime(2021, 11, 23, 8, 0, tzinfo=UTC)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1970, 1, 3), datetime(2100, 1, 1), timezones=zones)


def parsed(*values):
    times = parse_times(pl.Series("time", values))
    assert times.dtype == TIME
    assert len(times) == len(values)
    return times.to_list()


@given(st.lists(moments, max_size=5))
def test_iso_is_read_to_the_microsecond(times):
    assert parsed(*(time.isoformat() for time in times), "2021-11-23") == [*times, MOMENT.replace(hour=0)]


@given(st.lists(st.integers(0, 4_000_000_000_000_000), min_size=1, max_size=5), st.booleans())
def test_unix_seconds_are_read_to_the_microsecond(micros, also_iso):
    texts = [f"{micro // 1_000_000}.{micro % 1_000_000:06}" for micro in micros]
    expected = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro) for micro in micros]
    more = [(MOMENT.isoformat(), MOMENT)] if also_iso else []
    assert parsed(*texts, *(text for text, _ in more)) == expected + [time for _, time in more]


@pytest.mark.parametrize(
    "text",
    [
        "2021-11-23T08:00:00Z", "2021-11-23 08:00:00", "2021-11-23T08:00", "2021-11-23t08:00:00z", " 1637654400 ",
        "1637654400.0", "1.6376544e9", "2021-11-23T09:00:00+01:00", "2021-11-23T09:30:00+0130", "2021-11-23 03:00-05",
        "2021-11-23T08:00:00.000000000Z", "2021-11-23T08:00:00,0 UTC", "+1637654400",
    ],
)  # fmt: skip
def test_ways_to_write_one_moment(text):
    assert parsed(text) == [MOMENT]
    assert parsed(text, "1637654400", "2021-11-23T08:00Z") == [MOMENT] * 3


@pytest.mark.parametrize(
    "text",
    ["", "now", "2021-13-40", "2021-02-30T00:00:00Z", "2021-11-23T24:00:00", "2021-11-23T08:61", "2021-11-23T08:00:60",
     "nan", "inf", "1e400", "9" * 30, "2021-11-23T08:00:00+99:00", "08:00", "2021-11-23T08", "1637654400s", "0x10"],
)  # fmt: skip
def test_what_is_no_time(text):
    assert parsed(text) == [None]
    assert parsed(text, "0") == [None, datetime(1970, 1, 1, tzinfo=UTC)]


@given(st.lists(st.text(), max_size=4))
def test_any_text_is_a_time_or_none(texts):
    assert len(parse_times(pl.Series("time", texts, dtype=pl.String))) == len(texts)


@pytest.mark.parametrize(
    "value",
    [1637654400, 1637654400.0, MOMENT, MOMENT.replace(tzinfo=None), MOMENT.astimezone(timezone(timedelta(hours=5)))],
)
def test_typed_values(value):
    assert parsed(value, None) == [MOMENT, None]


def test_dates_and_numbers_out_of_range():
    assert parsed(date(2021, 11, 23)) == [MOMENT.replace(hour=0)]
    assert parsed(float("nan"), float("inf"), 1e18) == [None] * 3
    assert parsed(True) == [None]


def test_which_moments_cannot_be():
    early, late, soon = datetime(1969, 12, 31, tzinfo=UTC), MOMENT + timedelta(days=2), MOMENT + timedelta(hours=20)
    times = pl.Series([early, MOMENT, soon, late, None], dtype=TIME)
    told = time_faults(times, False, now=MOMENT).to_list()
    assert told[0] == "lies before 1970"
    assert told[1:3] == [None, None]
    assert told[3].startswith("lies in the future")
    assert told[4] is None
    assert time_faults(times, True, now=MOMENT).to_list() == ["lies before 1970", None, None, None, None]
