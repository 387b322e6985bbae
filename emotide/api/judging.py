"""What a recommender's policy would earn, from the log of whatever chose before (off-policy; DESIGN 3.8)."""

import numpy as np
import polars as pl

from emotide.api.feedback import Told, moment, told_by
from emotide.api.items import Items, chooser_over
from emotide.api.recommending import Scene
from emotide.errors import BadInput
from emotide.recommend import Estimate, Recommender, off_policy

LEAST = 50  # feedback, and as many to learn from, that an estimate wants
EARLIER = 0.7  # share of the feedback that is learned from where too little is new


def judged(scene: Scene, epsilon: float, seed: int) -> pl.DataFrame:
    """policy, estimate, value, low, high, n, since, on: see `Emotide.judge`."""
    chooser, items = chooser_over(scene.trained, scene.recommender, scene.log)
    told = told_by(scene.trained, scene.log, scene.timeline, scene.vectors, items)
    policy, earlier, later, on = _split(chooser, told, items)
    missing = int((~(later.propensity > 0)).sum())
    if missing:
        raise BadInput(
            f"{missing} of the {len(later)} judged rows of feedback have no propensity above 0: log the probability "
            "with which each item was chosen (column propensity; `recommend --epsilon` tells it)"
        )
    plain = chooser.config.model_copy(update={"discount": 0.0, "conservative": 0.0, "n_step": 1})
    reward = Recommender.fit(earlier.transitions, items.vectors, plain)  # r̂, that has not seen what is judged
    found = {"logged": {"mean": off_policy(later.reward, later.propensity, later.propensity, group=later.user)["ips"]}}
    found["model"] = _estimates(policy, reward, later, epsilon, seed)
    rows = [
        (name, kind, one.value, one.low, one.high, len(later), moment(int(later.time[0])), on)
        for name, each in found.items()
        for kind, one in each.items()
    ]
    columns = ["policy", "estimate", "value", "low", "high", "n", "since", "on"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _split(chooser: Recommender, told: Told, items: Items) -> tuple[Recommender, Told, Told, str]:
    """Whom to judge, what was learned from, what it is judged on, and what that is: never the same rows."""
    new = told.time > chooser.place.get("time", np.iinfo(np.int64).max)
    if new.sum() >= LEAST and (~new).sum() >= LEAST:
        return chooser, told[~new], told[new], "new feedback"
    if len(told) < 2 * LEAST:
        raise BadInput(f"the log has {len(told)} rows of feedback on its items; judging wants {2 * LEAST}")
    cut = told.time[int(EARLIER * len(told))]
    earlier, later = told[told.time < cut], told[told.time >= cut]
    if min(len(earlier), len(later)) < LEAST:
        raise BadInput("the feedback of this log cannot be cut by time: too much of it is of one moment")
    return Recommender.fit(earlier.transitions, items.vectors, chooser.config), earlier, later, "later part"


def _estimates(policy: Recommender, reward: Recommender, later: Told, epsilon: float, seed: int) -> dict[str, Estimate]:
    """IPS, SNIPS and doubly robust, of the ε-greedy policy that shows one item; people are resampled whole."""
    best = policy.recommend(later.state, 1, epsilon=0.0).item
    items = int(policy.candidates.sum())
    chance = np.where(later.item == best[:, 0], 1 - epsilon, 0.0) + epsilon / items
    some = np.random.default_rng(seed).permutation(np.flatnonzero(policy.candidates.numpy()))[:1000]
    every = reward.values(later.state, np.broadcast_to(some, (len(later), len(some))).copy()).mean(1)
    expected = (1 - epsilon) * reward.values(later.state, best)[:, 0] + epsilon * every
    of_shown = reward.values(later.state, later.item[:, None])[:, 0]
    return off_policy(
        later.reward, later.propensity, chance, of_shown.astype(float), expected.astype(float), later.user, seed
    )
