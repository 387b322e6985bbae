"""Fig. 6 as it stands beside the improved form: what each addition gives, added to it alone and taken from all."""

from pathlib import Path
from typing import Any

import numpy as np

from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.bench.recommend.lives import PLAIN, lived, town

MOMENTS = 150
IMPROVED = PLAIN.model_copy(update={"discount": 0.3})
PAPER = IMPROVED.papers()
STEP_BY_STEP: dict[str, dict[str, Any]] = {  # each keeps what stands above it
    "paper": {}, "replay": {"replay": True}, "target": {"target": True}, "double": {"double": True},
    "averaged": {"averaged": True}, "products": {"products": True},
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {  # each changes the improved form in one thing
    "n_step_3": {"n_step": 3}, "dueling": {"dueling": True}, "priority": {"priority": 0.6},
    "huber": {"loss": "huber"}, "quantiles": {"quantiles": 8, "loss": "huber"}, "conservative": {"conservative": 0.1},
}  # fmt: skip


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Mean clicks a moment in the last quarter, by form."""
    forms, config = {}, PAPER
    for name, change in STEP_BY_STEP.items():
        config = config.model_copy(update=change)
        forms[name] = config
    forms |= {name: IMPROVED.model_copy(update=change) for name, change in OTHERS.items()}
    found: dict[str, list[float]] = {name: [] for name in forms}
    for seed in seeds:
        for name, form in forms.items():
            found[name].append(lived("q", town(seed), MOMENTS, form).end())
            progress(len(found[name]), len(seeds), f"seed {seed}, {name}")
        say(f"seed {seed}: " + ", ".join(f"{name} {each[-1]:.3f}" for name, each in found.items()))
    base = np.array(found["products"])  # the last step: the improved form
    return {
        "data": f"the first {MOMENTS} moments of towns of 100 people",
        "seeds": seeds,
        "step_by_step": {name: spread(found[name]) for name in STEP_BY_STEP},
        "beside_the_improved": {name: spread(found[name]) for name in OTHERS},
        "gain_of": {name: spread(list(np.array(found[name]) - base)) for name in OTHERS},
    }


BENCH = Bench("the paper's Q-learning (Fig. 6) as it stands, and what each addition to it gives", None, run)
