"""Tables become what JSON can carry: columns of plain values."""

import math
from datetime import datetime
from typing import Any

import polars as pl

Columns = dict[str, list[Any]]


def columns(frame: pl.DataFrame) -> Columns:
    """The columns of a table by name; NaN and infinity become null, times ISO 8601 in UTC."""
    return {name: [plain(value) for value in frame[name].to_list()] for name in frame.columns}


def plain(value: Any) -> Any:
    """One value, or what it holds."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    if value is None or isinstance(value, str | int):
        return value
    return str(value)
