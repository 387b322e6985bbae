"""What a calibration says beside the readings: sets, intervals, their coverage, the reliability diagram (DESIGN 5)."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from emotide.errors import BadInput
from emotide.model import EmotionSpace
from emotide.timeline import Labels
from emotide.train.calibrate import Calibration, Fitted
from emotide.train.evaluate import TASKS, Answers
from emotide.train.reliability import draw, reliability

LEVEL = 0.9
LEVELS = np.linspace(0.05, 0.95, 19)


def coverage_of(
    calibration: Calibration, space: EmotionSpace, reports: str, found: Answers, raw: Answers, labels: Labels
) -> dict[str, Any] | None:
    """How often the sets (or intervals) for 0.9 held the truth, and how large they were; None without a calibration.

    Returns:
        `{"level", "recognition": {"coverage", "size"}, "forecast": …}`: the size is in categories, or the mean width of
        an interval; for dimensions also `spread`, the standard deviation of the error on dev, by dimension.
    """
    out: dict[str, Any] = {"level": LEVEL}
    for task in TASKS:
        fitted, read = calibration.of(space.name, reports, task, len(space.names)), getattr(found, task)
        if fitted is None:
            return None
        if space.dimensional:
            truth = labels.target[found.row]
            ends = fitted.intervals(read, LEVEL, _ends(space))
            held = ((ends[..., 0] <= truth) & (truth <= ends[..., 1]))[~np.isnan(truth)]
            spread = {name: float(s) for name, s in zip(space.names, fitted.spread, strict=True) if not np.isnan(s)}
            size = float((ends[..., 1] - ends[..., 0]).mean())
            out[task] = {"coverage": float(held.mean()), "size": size, "spread": spread}
        else:
            sets = fitted.sets(read, getattr(raw, task).argmax(1), LEVEL)
            held = sets[np.arange(len(sets)), labels.latest[found.row]]
            out[task] = {"coverage": float(held.mean()), "size": float(sets.sum(1).mean())}
    return out


def set_column(
    calibration: Calibration,
    space: EmotionSpace,
    reports: str,
    horizon: np.ndarray,
    read: Float[np.ndarray, "rows names"],
    raw: Float[np.ndarray, "rows names"],
    coverage: float,
) -> pl.Series:
    """The column `set`: the categories, or the interval of each dimension, that hold the truth so often.

    What holds for a forecast of one step is taken for those beyond it.

    Raises:
        BadInput: the model knows no dev labels of this space.
    """
    out = np.empty(len(read), object)
    for task, rows in (("recognition", horizon == 0), ("forecast", horizon > 0)):
        fitted = calibration.of(space.name, reports, task, len(space.names))
        if fitted is None:
            raise BadInput(
                f"how sure the model is in space {space.name!r} was never measured: that needs labels of it in the dev "
                "part of the log that it was trained on; ask without --coverage"
            )
        out[rows] = _said(fitted, space, read[rows], raw[rows], coverage)
    return pl.Series("set", out.tolist(), pl.String)


def calibrated_rows(
    calibration: Calibration, space: str, reports: str, horizon: np.ndarray, raw: Float[np.ndarray, "rows names"]
) -> Float[np.ndarray, "rows names"]:
    """Readings of a trace, calibrated: rows of horizon 0 as recognitions, the others as forecasts."""
    read = raw.copy()
    for task, rows in (("recognition", horizon == 0), ("forecast", horizon > 0)):
        fitted = calibration.of(space, reports, task, raw.shape[1])
        if fitted is not None:
            read[rows] = fitted.apply(raw[rows])
    return read


def draw_reliability(
    calibration: Calibration, space: EmotionSpace, reports: str, found: Answers, labels: Labels, file: Path
) -> None:
    """Draw how often the most probable category was right or, for dimensions, how often intervals held the truth.

    Raises:
        BadInput: matplotlib is not here; or the space has dimensions and was never calibrated.
    """
    curves = {}
    for task in TASKS:
        read = getattr(found, task)
        if space.dimensional:
            fitted = calibration.of(space.name, reports, task, len(space.names))
            if fitted is None:
                raise BadInput(f"coordinates in space {space.name!r} have no intervals to draw: no labels in dev", file)
            curves[task] = _interval_curve(fitted, space, read, labels.target[found.row])
        else:
            curves[task] = reliability(read.max(1), read.argmax(1) == labels.latest[found.row])
    draw(curves, f"{space.name}, reports {reports}", file)


def _interval_curve(fitted: Fitted, space: EmotionSpace, read: np.ndarray, truth: np.ndarray) -> pl.DataFrame:
    given = ~np.isnan(truth)
    held = []
    for level in LEVELS:
        ends = fitted.intervals(read, float(level), _ends(space))
        held.append(float(((ends[..., 0] <= truth) & (truth <= ends[..., 1]))[given].mean()))
    return pl.DataFrame({"confidence": LEVELS, "right": held, "n": np.ones(len(LEVELS))})


def _said(fitted: Fitted, space: EmotionSpace, read: np.ndarray, raw: np.ndarray, coverage: float) -> list[str]:
    if space.dimensional:
        ends = fitted.intervals(read, coverage, _ends(space))
        return [
            "|".join(f"{name} {low:.3f}..{high:.3f}" for name, (low, high) in zip(space.names, row, strict=True))
            for row in ends
        ]
    sets, which = np.unique(fitted.sets(read, raw.argmax(1), coverage), axis=0, return_inverse=True)
    said = np.array(["|".join(np.array(space.names)[held]) for held in sets], object)
    told: list[str] = said[which.ravel()].tolist()
    return told


def _ends(space: EmotionSpace) -> list[tuple[float, float]]:
    return [(end.low, end.high) for end in space.dimensions.values()]
