"""Reward in the town: ours, which sees H, beside what does not, linear bandits, popularity and the oracle."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.bench.recommend.lives import Lived, lived, town
from emotide.world import TownVectorEnv

MOMENTS = 250
TURN = 125  # of the second life: tastes change suddenly
BACK = 0.95  # recovery: the share of the reward before the turn, relative to the oracle's, that is reached again
SPAN = 20  # moments whose mean is looked at
# name -> (policy, what it sees of the state)
POLICIES = {
    "ours": ("q", "H"), "no_state": ("q", "nothing"), "last_label": ("q", "label"), "linucb": ("linucb", "nothing"),
    "linucb_h": ("linucb", "H"), "thompson": ("thompson", "nothing"), "thompson_h": ("thompson", "H"),
    "als": ("als", "nothing"), "popular": ("popular", "nothing"), "random": ("random", "nothing"),
    "oracle": ("oracle", "nothing"),
}  # fmt: skip
TURNED = ("ours", "oracle")
SWAYS = (0.0, 1.0, 4.0)  # how far moods move clicks, beside the 2 of all other towns
SWAYED = ("ours", "no_state", "oracle")


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Mean clicks a moment over all, and over the last quarter; regret by moments; a sudden change of tastes."""
    lives: dict[str, list[Lived]] = {name: [] for name in POLICIES}
    turned: dict[str, list[Lived]] = {name: [] for name in TURNED}
    swayed: dict[float, dict[str, list[float]]] = {sway: {name: [] for name in SWAYED} for sway in SWAYS}
    for seed in seeds:
        for name, (policy, sight) in POLICIES.items():
            lives[name].append(lived(policy, town(seed), MOMENTS, sight=sight))
            progress(len(lives[name]), len(seeds), f"seed {seed}, {name}")
        for name in TURNED:
            policy, sight = POLICIES[name]
            turned[name].append(lived(policy, town(seed, turn=TURN), 2 * TURN, sight=sight))
        for sway, told in swayed.items():
            for name in SWAYED:
                policy, sight = POLICIES[name]
                told[name].append(lived(policy, town(seed, sway=sway), MOMENTS, sight=sight).end())
        say(f"seed {seed}: " + ", ".join(f"{name} {lives[name][-1].end():.3f}" for name in POLICIES))
    end: dict[str, list[float]] = {name: [one.end() for one in each] for name, each in lives.items()}
    by_sway = {**swayed, town(0).sway: {name: end[name] for name in SWAYED}}
    return {
        "data": f"towns of 100 people and 200 items, 20 candidates a moment, {MOMENTS} moments",
        "seeds": seeds,
        "reward": {name: spread(values) for name, values in end.items()},
        "reward_all": {name: spread([float(np.mean(one.clicked)) for one in each]) for name, each in lives.items()},
        "share_of_oracle": _ratio(end["ours"], end["oracle"], 0),
        "gain_over_no_state": _ratio(end["ours"], end["no_state"], 1),
        "gain_over_last_label": _ratio(end["ours"], end["last_label"], 1),
        "gain_over_linucb": _ratio(end["ours"], end["linucb"], 1),
        "gain_over_linucb_h": _ratio(end["ours"], end["linucb_h"], 1),
        "by_sway": {
            f"{sway:g}": {
                "gain_over_no_state": _ratio(told["ours"], told["no_state"], 1),
                "share_of_oracle": _ratio(told["ours"], told["oracle"], 0),
            }
            for sway, told in sorted(by_sway.items())
        },
        "regret": {name: _regret(each) for name, each in lives.items()},
        "moments_to_recover": {name: _recovery(turned[name], turned["oracle"]) for name in TURNED if name != "oracle"},
        "seconds_for_1e5_steps": spread([_speed(seed) for seed in seeds]),
    }


def _ratio(ours: list[float], other: list[float], less: int) -> list[float] | None:
    return spread([a / b - less for a, b in zip(ours, other, strict=True)])


def _regret(each: list[Lived]) -> dict[str, float]:
    """Clicks lost a person by then, against what was likeliest to be clicked in the states the policy itself led to."""
    lost = np.mean([np.cumsum(np.array(one.best) - np.array(one.clicked)) for one in each], 0)
    return {str(k): round(float(lost[k - 1]), 2) for k in range(MOMENTS // 8, MOMENTS + 1, MOMENTS // 8)}


def _recovery(each: list[Lived], oracle: list[Lived]) -> list[float] | None:
    """Moments after the turn until the share of the oracle's reward is back; all that were lived where it never is."""
    found = []
    for one, best in zip(each, oracle, strict=True):
        share = np.array(one.clicked) / np.mean(best.clicked)
        before = share[TURN - 2 * SPAN : TURN].mean()
        later = np.convolve(share[TURN:], np.ones(SPAN) / SPAN, "valid")
        reached = np.flatnonzero(later >= BACK * before)
        found.append(float(reached[0] + SPAN if len(reached) else TURN))
    return spread(found)


def _speed(seed: int) -> float:
    """Seconds for 10^5 steps of the environment, everybody at once, items by chance."""
    env, rng = TownVectorEnv(town(seed)), np.random.default_rng(seed)
    env.reset(seed=seed)
    began = time.process_time()
    for _ in range(100_000 // env.num_envs):
        env.step(rng.integers(0, env.life.choices, env.num_envs))
    return time.process_time() - began


BENCH = Bench("reward in a simulated town with and without H, beside bandits and an oracle", None, run)
