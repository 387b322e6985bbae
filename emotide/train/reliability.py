"""How often a reading that says 70 % is right: the bins of the calibration error, and their picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from emotide.errors import BadInput
from emotide.train.metrics import BINS


def reliability(confidence: Float[np.ndarray, " rows"], right: Bool[np.ndarray, " rows"]) -> pl.DataFrame:
    """confidence (mean), right (share), n of the bins that hold something: 15 of equal width from 0 to 1."""
    rows = pl.DataFrame({"confidence": confidence.astype(np.float64), "right": right.astype(np.float64)})
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    held = rows.with_columns(bin=pl.Series(bins)).group_by("bin").agg(pl.all().mean(), n=pl.len()).sort("bin")
    return held.select("confidence", "right", "n")


def draw(curves: Mapping[str, pl.DataFrame], title: str, file: Path) -> None:
    """Draw a reliability diagram: what was said against what was so; a curve a task, the larger a dot the more rows.

    Args:
        curves: name -> confidence, right, n.
        title: above it.
        file: .png, .svg or .pdf.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BadInput("a picture needs matplotlib: install emotide[plot]", file) from error
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=title)
    axes.set_xlabel("said: confidence")
    axes.set_ylabel("so: share that is right")
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="honest")
    for name, curve in curves.items():
        x, y, n = (curve[column].to_numpy() for column in ("confidence", "right", "n"))
        (line,) = axes.plot(x, y, label=name)
        axes.scatter(x, y, s=200 * n / max(n.sum(), 1) + 4, color=line.get_color())
    axes.legend(loc="upper left")
    figure.savefig(file)
