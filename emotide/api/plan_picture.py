"""A shortcut plan as a picture: arcs over a row of layers, the stronger the gate the thicker (paper Fig. 2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from emotide.errors import BadInput

HEIGHT, GAP = 0.35, 0.9  # of an arc per layer it leads around, and between two rows


Row = tuple[str, int, Mapping[tuple[int, int], float]]


def plan_picture(rows: Sequence[Row], file: Path) -> None:
    """Draw one row of layers a module.

    Args:
        rows: name, hidden layers, and the strength (0 or more) of each shortcut (i, j), of each module.
        file: .svg, .png or .pdf.

    Raises:
        BadInput: Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Arc
    except ModuleNotFoundError as error:
        raise BadInput("a picture needs Matplotlib: pip install 'emotide[plot]'") from error
    strongest = max((value for _, _, gates in rows for value in gates.values()), default=1.0) or 1.0
    deepest = max((depth for _, depth, _ in rows), default=1)
    rooms = [GAP + HEIGHT * max((j - i for i, j in gates), default=0) for _, _, gates in rows]
    figure = Figure(figsize=(2.5 + 0.9 * deepest, 0.4 + 0.8 * sum(rooms)))
    axes = figure.add_subplot()
    base = 0.0
    for (module, depth, gates), room in zip(rows, rooms, strict=True):
        base -= room
        axes.text(-0.6, base, module, ha="right", va="center")
        axes.plot([0, depth], [base, base], color="0.6", lw=1, zorder=1)
        axes.scatter(range(depth + 1), [base] * (depth + 1), s=160, color="white", edgecolors="0.2", zorder=3)
        for layer in range(depth + 1):
            axes.text(layer, base, str(layer), ha="center", va="center", fontsize=8, zorder=4)
        for (i, j), value in gates.items():
            width, share = j - i, value / strongest
            axes.add_patch(
                Arc(((i + j) / 2, base), width, 2 * HEIGHT * width, theta2=180, lw=0.4 + 3.6 * share, color="tab:red")
            )
    axes.set(xlim=(-1.6, deepest + 0.5), ylim=(base - GAP / 2, 0.0))
    axes.axis("off")
    figure.tight_layout()
    figure.savefig(file)
