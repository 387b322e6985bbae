"""Influence in towns of three hundred whose true weights are known, beside lagged correlation and an oracle."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from emotide.api import Emotide, Recipe, SocialLog
from emotide.api.influencing import CLEAR, in_sight
from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.demo.agreement import MOVES
from emotide.demo.cast import cast_of
from emotide.demo.town import TownConfig, simulate
from emotide.demo.truth import AXES, Truth
from emotide.model import NetworkConfig, built_in
from emotide.model.chance import q_values
from emotide.model.contagion import contagion, foreseen
from emotide.model.influence import influences
from emotide.model.moods import Moods, moods
from emotide.model.trace import every_report
from emotide.timeline import SPLITS, Timeline, TimelineConfig
from emotide.train import TrainConfig
from emotide.train.metrics import dimensional

# a study by mood diary: two posts a day, half of them with a report of pleasure, arousal and dominance
TOWN = TownConfig(people=300, days=200, posts_per_day=2.0, labelled_pad=0.5)
KINDS = {"contagion": 1.0, "none": 0.0}
ESTIMATES = ("influence", "lagged_correlation", "reports", "counterfactual", "oracle")


def recipe(seed: int) -> Recipe:
    """Small enough for three minutes on one core; chosen on towns of other seeds."""
    return Recipe(
        text_width=24,
        timeline=TimelineConfig(step="1d"),
        network=NetworkConfig(
            state=32, influence=8, observed=32, width=48, pair_width=16, heads=1, dropout=0.1, input_dropout=0.1
        ),
        train=TrainConfig(
            seed=seed, epochs=4, learning_rate=5e-3, window=10, least_window=5, averaging=0.9, reports=0.7
        ),
    )


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """AUC of what is said about tied pairs against which of them have a true weight of at least 0.1, either way.

    Where nobody moves anybody, against the weights that would have been. The gain is that of the forecast's concordance
    by knowing the neighbours, on the test part.
    """
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for seed in seeds:
        for kind, strength in KINDS.items():
            config = TOWN.model_copy(update={"seed": seed, "contagion": strength})
            with TemporaryDirectory(prefix="emotide-bench-") as folder:
                found[kind].append(_measured(config, Path(folder), progress))
            said = ", ".join(f"{name} {value:.3f}" for name, value in found[kind][-1].items())
            say(f"seed {seed}, {kind}: {said}")
    auc = {name: spread([each[name] for each in found["contagion"]]) for name in ESTIMATES}
    return {
        "data": f"towns of {TOWN.people} people and {TOWN.days} days, reports known",
        "seeds": seeds,
        **{f"{name}_auc": value for name, value in auc.items()},
        "influence_null_auc": spread([each["influence"] for each in found["none"]]),
        "forecast_gain": {kind: spread([each["gain"] for each in runs]) for kind, runs in found.items()},
        "forecast_alone": {kind: spread([each["alone"] for each in runs]) for kind, runs in found.items()},
        "false_findings": {kind: spread([each["false"] for each in runs]) for kind, runs in found.items()},
        "found": {kind: spread([each["found"] for each in runs]) for kind, runs in found.items()},
    }


def _measured(config: TownConfig, folder: Path, progress: Progress) -> dict[str, float]:
    """Everything about one town."""
    truth = simulate(folder, config)
    (folder / "log" / "feedback.parquet").unlink()  # nothing is recommended here
    log = SocialLog.open(str(folder / "town.db"))
    log.ingest(folder / "log")
    emotide = Emotide.fit(log, recipe(config.seed), progress=progress)
    timeline, vectors = emotide.compiled(log)
    model = emotide.trained.model
    felt = moods(model, timeline, vectors, every_report)
    sight = in_sight(timeline, log.table("ties"))
    weights = contagion(timeline, felt, shuffles=9, seed=config.seed, sight=sight)
    asked = influences(model, timeline, vectors, "pad", every_report, shuffles=0)
    users = len(timeline.users)
    source, target = _ties(timeline, truth)
    said = {
        "influence": _of_ties(users, weights.source, weights.target, abs(weights.weight), source, target),
        "counterfactual": _of_ties(users, asked.source, asked.target, asked.strength, source, target),
        **without_network(timeline, truth, sight, source, target),
    }
    would = cast_of(config.model_copy(update={"contagion": 1.0})).weight  # in the order of the truth's ties
    moves = abs(would) >= MOVES
    clear = q_values(weights.p, np.zeros(len(weights.p), int)) <= CLEAR
    clear = _of_ties(users, weights.source, weights.target, clear.astype(float), source, target) > 0
    real = moves if config.contagion else np.zeros(len(moves), bool)
    return {
        **{name: auc(value, moves) for name, value in said.items()},
        **_forecasts(timeline, felt, sight),
        "found": float(clear[moves].mean()),
        "false": float((clear & ~real).sum() / max(clear.sum(), 1)),
    }


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive has the higher score; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score))


def lagged_correlation(
    reports: Float[np.ndarray, "steps users 3"], source: Int[np.ndarray, " ties"], target: Int[np.ndarray, " ties"]
) -> Float[np.ndarray, " ties"]:
    """|mean over the axes of Pearson's r| of the source's reports with the target's of the next step, where both are.

    The simple estimator that anybody would try first.
    """
    found = np.zeros(len(source))
    for k, (j, i) in enumerate(zip(source, target, strict=True)):
        x, y = reports[:-1, j], reports[1:, i]
        both = ~(np.isnan(x).any(1) | np.isnan(y).any(1))
        if both.sum() > 2:
            x, y = x[both] - x[both].mean(0), y[both] - y[both].mean(0)
            spread = np.sqrt((x**2).sum(0) * (y**2).sum(0))
            found[k] = abs(((x * y).sum(0) / np.maximum(spread, 1e-12)).mean())
    return found


def _ties(timeline: Timeline, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the timeline's users: who moves, and who is moved, of every tie."""
    row = {name: k for k, name in enumerate(timeline.users["user_id"])}
    ends = (truth.influence[end] for end in ("source_id", "target_id"))
    source, target = (np.array([row[name] for name in names]) for names in ends)
    return source, target


def _of_ties(
    users: int, source: np.ndarray, target: np.ndarray, value: np.ndarray, of: np.ndarray, on: np.ndarray
) -> np.ndarray:
    """The sum of a value over the rows of each tie; 0 for ties that were never in sight."""
    total = np.zeros(users * users)
    np.add.at(total, source.astype(np.int64) * users + target, value)
    return np.asarray(total[of * users + on])


def _reports(timeline: Timeline, steps: int) -> np.ndarray:
    """[steps, users, 3]: what was reported each day, coordinates before categories; NaN where nothing was."""
    points = built_in()["ekman_neutral"].pad.numpy()
    found = np.full((steps, len(timeline.users), len(AXES)), np.nan)
    felt, placed = timeline.labels["ekman_neutral"], timeline.labels["pad"]
    found[felt.step, felt.user] = felt.target @ points
    found[placed.step, placed.user] = placed.target
    return found


def without_network(
    timeline: Timeline, truth: Truth, sight: np.ndarray, source: np.ndarray, target: np.ndarray
) -> dict[str, np.ndarray]:
    """What needs no network: the lagged correlation, and the same regression on the reports and on the true states."""
    row = pl.DataFrame({"user_id": timeline.users["user_id"]}).with_row_index("row")
    states = truth.emotion.join(row, on="user_id").sort("row", "day")
    user, day = (states[column].to_numpy().astype(np.int64) for column in ("row", "day"))
    true = states.select(AXES).to_numpy()
    reports = _reports(timeline, int(day.max()) + 1)
    told = ~np.isnan(reports).any(2)
    typical = np.nan_to_num(reports).sum(0) / np.maximum(told.sum(0), 1)[:, None]
    filled = np.where(told[..., None], reports, typical)[day, user]

    def weighed(Y: np.ndarray, known: np.ndarray) -> np.ndarray:
        found = contagion(timeline, Moods(user, day, Y, Y, known), shuffles=0, sight=sight)
        return _of_ties(len(timeline.users), found.source, found.target, abs(found.weight), source, target)

    return {
        "lagged_correlation": lagged_correlation(reports, source, target),
        "reports": weighed(filled, told[day, user]),
        "oracle": weighed(true, np.ones(len(true), bool)),
    }


def _forecasts(timeline: Timeline, felt: Moods, sight: np.ndarray) -> dict[str, float]:
    """Concordance of the forecast of the test part's coordinates without neighbours, and what neighbours add."""
    labels = timeline.labels["pad"]
    test = labels.split == SPLITS.index("test")
    found = foreseen(timeline, felt, int(labels.step[test].min()), sight)
    place = np.full(len(felt.user), -1)
    place[found.row] = np.arange(len(found.row))
    row = place[felt.at(labels.user[test], labels.step[test])]
    target = labels.target[test][row >= 0]
    alone, together = (dimensional(said[row[row >= 0]], target)["ccc"] or 0.0 for said in (found.alone, found.together))
    return {"alone": alone, "gain": together - alone}


BENCH = Bench("who moves whom in towns of 300, against the true weights and lagged correlation", None, run)
