"""The recommender at a glance: reward over time, the guard's rules, the records of its decisions."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from emotide.recommend import Guard
from emotide.serve.dashboard.plain import columns, plain

BUCKETS = 60  # of the chart of rewards
RECORDS = 300  # of the audit that are sent
TAIL = 4 << 20  # bytes of an audit file that are looked at: its end


def rewards(feedback: pl.DataFrame, least: int) -> dict[str, list[Any]]:
    """time, reward (mean), n of feedback in equal spans of time; no mean of fewer than `least` people."""
    if feedback.is_empty():
        return {"time": [], "reward": [], "n": [], "people": []}
    begin, end = feedback["time"].min(), feedback["time"].max()
    span = max((end - begin).total_seconds() / BUCKETS, 1.0)  # type: ignore[operator,union-attr]
    day = 86_400.0
    every = f"{int(-(-span // day)) if span > day / 2 else 1}d" if span > day / 2 else f"{int(-(-span // 60))}m"
    spans = (
        feedback.sort("time")
        .group_by_dynamic("time", every=every)
        .agg(reward=pl.col("reward").mean(), n=pl.len(), people=pl.col("user_id").n_unique())
    )
    enough = pl.col("people") >= least
    return columns(spans.with_columns(reward=pl.when(enough).then("reward"), people=pl.when(enough).then("people")))


def rules(guard: Guard) -> list[dict[str, Any]]:
    """The rules as they stand in their file."""
    return [rule.model_dump() for rule in guard.rules]


def tail(file: Path) -> list[dict[str, Any]]:
    """The last records of an audit of one JSON object a line, the latest first; a line that is none is left out."""
    if not file.is_file():
        return []
    with file.open("rb") as lines:
        lines.seek(0, 2)
        size = lines.tell()
        lines.seek(max(0, size - TAIL))
        text = lines.read().decode("utf-8", "replace").splitlines()
    if size > TAIL:
        text = text[1:]  # the middle of a line
    found = []
    for line in reversed(text):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append(plain({name: held for name, held in row.items() if name != "state"}))
        if len(found) == RECORDS:
            break
    return found


def barred_by(records: list[dict[str, Any]]) -> dict[str, int]:
    """How many of the decisions each rule had a candidate barred in."""
    hits: Counter[str] = Counter()
    for row in records:
        held = row.get("candidates") or []
        hits.update({str(one["rule"]) for one in held if isinstance(one, dict) and one.get("rule")})
    return dict(hits)
