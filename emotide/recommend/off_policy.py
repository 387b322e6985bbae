"""What a policy would have earned, from the log of another: IPS, SNIPS, doubly robust, with intervals."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from emotide.errors import BadInput

RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A policy's mean reward, and where 95 of 100 resampled logs put it."""

    value: float
    low: float
    high: float


def off_policy(
    reward: Float[np.ndarray, " n"],
    propensity: Float[np.ndarray, " n"],
    chance: Float[np.ndarray, " n"],
    expected: Float[np.ndarray, " n"] | None = None,
    expected_of_policy: Float[np.ndarray, " n"] | None = None,
    group: Shaped[np.ndarray, " n"] | None = None,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Estimates of the mean reward of a policy π from what a logged policy showed.

        w     = π(a_i | x_i) / p_i
        ips   = mean of w r                                          unbiased, wide
        snips = Σ w r / Σ w                                          bounded by the rewards, a little biased
        dr    = mean of E_π[r̂(x_i, ·)] + w (r_i − r̂(x_i, a_i))       unbiased, the narrower the better r̂ is

    (Horvitz & Thompson 1952; Swaminathan & Joachims 2015; Dudík, Langford & Li 2011.)

    Args:
        reward: what came back.
        propensity: p, probability with which the logged policy had shown what it showed.
        chance: π, probability with which the judged policy would have shown the same.
        expected: r̂ of what was shown, by a model that has not seen these rows; None: no `dr`.
        expected_of_policy: the mean of r̂ over what the judged policy would have shown.
        group: rows that belong together (a person, a session) are resampled together; None: each row alone.
        seed: of the resampling.

    Raises:
        BadInput: no rows, a propensity that is missing or not in (0, 1], or a chance not in [0, 1].
    """
    w = _weights(propensity, chance)
    sums = {"ips": (w * reward, np.ones(len(w))), "snips": (w * reward, w)}
    if expected is not None and expected_of_policy is not None:
        sums["dr"] = (expected_of_policy + w * (reward - expected), np.ones(len(w)))
    counts = _resampled(np.arange(len(w)) if group is None else np.unique(group, return_inverse=True)[1], seed)
    return {name: _estimate(top, bottom, *counts) for name, (top, bottom) in sums.items()}


def gained(
    reward: Float[np.ndarray, " n"],
    propensity: Float[np.ndarray, " n"],
    chance: Float[np.ndarray, " n"],
    other: Float[np.ndarray, " n"],
    group: Shaped[np.ndarray, " n"] | None = None,
    seed: int = 0,
) -> Estimate:
    """How much more a policy would have earned than another, by SNIPS of both on the same resamples.

    Args:
        reward, propensity, chance, group, seed: as for `off_policy`.
        other: probability with which the other policy would have shown the same.

    Raises:
        BadInput: as `off_policy`.
    """
    counts, of = _resampled(np.arange(len(reward)) if group is None else np.unique(group, return_inverse=True)[1], seed)
    value, drawn = 0.0, np.zeros(RESAMPLES)
    for sign, w in ((1, _weights(propensity, chance)), (-1, _weights(propensity, other))):
        up, down = (np.bincount(of, side, counts.shape[1]) for side in (w * reward, w))
        value += sign * up.sum() / max(down.sum(), 1e-12)
        drawn += sign * (counts @ up) / np.maximum(counts @ down, 1e-12)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def effective(propensity: Float[np.ndarray, " n"], chance: Float[np.ndarray, " n"]) -> float:
    """How many rows of the policy's own the weighted rows are worth, (Σ w)² / Σ w² (Kish 1965)."""
    w = _weights(propensity, chance)
    return float(w.sum() ** 2 / max(float((w**2).sum()), 1e-12))


def _weights(propensity: Float[np.ndarray, " n"], chance: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    if not len(propensity):
        raise BadInput("there is no feedback to judge a policy on")
    wrong = np.flatnonzero(~((propensity > 0) & (propensity <= 1)))
    if len(wrong):
        came, row = propensity[wrong[0]], int(wrong[0]) + 1
        raise BadInput(f"feedback {row} has a propensity of {came}; off-policy evaluation wants one in (0, 1]")
    if not ((chance >= 0) & (chance <= 1 + 1e-6)).all():
        raise BadInput("the policy's chance of showing what was shown must lie in [0, 1]")
    return np.asarray(chance / propensity)


def _resampled(group: Int[np.ndarray, " n"], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every resample, how often each group was drawn; and the group of each row."""
    groups = int(group.max()) + 1
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), RESAMPLES).astype(np.float32), group


def _estimate(top: np.ndarray, bottom: np.ndarray, counts: np.ndarray, group: np.ndarray) -> Estimate:
    up, down = (np.bincount(group, side, counts.shape[1]) for side in (top, bottom))
    value = up.sum() / down.sum() if down.sum() else 0.0
    low_side = counts @ down
    drawn = (counts @ up)[low_side > 0] / low_side[low_side > 0]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (0.0, 0.0)
    return Estimate(float(value), float(low), float(high))
