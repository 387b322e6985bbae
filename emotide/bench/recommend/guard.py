"""What the wellbeing guard costs and gains: clicks against low moods, as a curve over the weight of recovery."""

from pathlib import Path
from typing import Any

import numpy as np

from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.bench.recommend.esmr import Switching
from emotide.bench.recommend.lives import LOW, PLAIN, QPlayer, town
from emotide.recommend import Guard, recovered
from emotide.recommend.rivals import Came, Seen
from emotide.world import Life
from emotide.world.life import MOOD_CLASSES

MOMENTS = 150
AHEAD = 0.5  # discount: what an item does to a mood shows only later
WEIGHTS = (0.0, 1.0, 4.0)
PULL = 0.15  # how far items move moods here, so that there is something to guard against
FELT, LASTING = -0.2, 3  # a mood read below this for so many moments persists
KINDS = ("free", "guard", "esmr")
TOLD = ("clicks", "low", "recovery", "pleasure", "bleak")


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Clicks, share of people in a low mood and their recovery, by weight: free, with the guard, in ESMR's manner."""
    found: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        for weight in WEIGHTS:
            for kind in KINDS:
                name = f"{kind}_{weight:g}"
                found.setdefault(name, []).append(_lived(seed, weight, kind))
                progress(len(found[name]), len(seeds), f"seed {seed}, {name}")
        said = ", ".join(f"{name} {each[-1]['clicks']:.3f}/{each[-1]['low']:.3f}" for name, each in found.items())
        say(f"seed {seed}, clicks and share of low moods: {said}")
    under = [one for name, each in found.items() if name.startswith("guard") for one in each]
    free = found["free_0"]
    curve = {
        name: {
            **{what: spread([one[what] for one in each]) for what in TOLD},
            "clicks_given_up": spread([1 - a["clicks"] / b["clicks"] for a, b in zip(each, free, strict=True)]),
            "low_moods_saved": spread([1 - a["low"] / b["low"] for a, b in zip(each, free, strict=True)]),
        }
        for name, each in found.items()
    }
    return {
        "data": f"towns whose items move moods by {PULL}, {MOMENTS} moments; low: true pleasure below {LOW}; "
        "recovery: share of those in a low mood who are out of it a moment later; given up and saved: against free_0",
        "seeds": seeds,
        "violations": int(sum(one["violations"] for one in under)),
        "decisions": int(sum(one["decisions"] for one in under)),
        "would_be_violations": int(sum(one["violations"] for one in free)),
        "clicks_given_up": curve["guard_0"]["clicks_given_up"],
        "low_moods_saved": curve["guard_0"]["low_moods_saved"],
        "curve": curve,
    }


def _lived(seed: int, weight: float, kind: str) -> dict[str, float]:
    """One life; the last half is measured. What breaks a rule is counted from a diary, apart from the guard's code."""
    base = town(seed)
    world = base.model_copy(update={"town": base.town.model_copy(update={"item_pull": PULL})})
    life, guard, rng = Life(world), Guard.read(), np.random.default_rng([seed, 40])
    config = PLAIN.model_copy(update={"seed": seed, "discount": AHEAD})
    player, moment = QPlayer(life, world.state, config), life.begin(rng)
    switching = Switching(life, config) if kind == "esmr" else None
    belongs = guard.belongs([MOOD_CLASSES[kind] for kind in life.mood_class])
    bleak = life.mood_class == MOOD_CLASSES.index("bleak")
    n = world.town.people
    read, shown = np.full((n, guard.readings), np.nan), np.full((n, guard.shown), -1)
    diary: list[np.ndarray] = []
    told: dict[str, list[float]] = {name: [] for name in TOLD}
    broken = 0
    for _ in range(MOMENTS):
        seen = Seen(moment.H, moment.context, moment.candidates)
        now = life.read(moment.H)[:, 0]
        diary.append(now)
        read = np.concatenate([read[:, 1:], now[:, None]], 1)
        lasting = len(diary) >= LASTING and np.all([past < FELT for past in diary[-LASTING:]], axis=0)
        if switching is not None:
            place = switching.choose(seen, np.broadcast_to(lasting, n))
        else:
            held = guard.verdict(read, shown, seen.candidates, belongs).allowed if kind == "guard" else None
            place = player.choose(seen, held)
        item = seen.shown(place)
        window = np.concatenate([shown, item[:, None]], 1)  # ten things
        many = (bleak[window] & (window >= 0)).sum(1) > 4
        shown = window[:, 1:]
        broken += int(((lasting | many) & bleak[item]).sum())
        out = life.step(moment, item, rng)
        gained = recovered(out.clicked, now, life.read(out.after.H)[:, 0], weight)
        came = Came(seen, place, gained, out.left, Seen(out.after.H, out.after.context, out.after.candidates))
        if switching is not None:
            switching.learn(came, out.clicked)
        else:
            player.learn(came)
        before, mood = moment.mood[:, 0] < LOW, out.after.mood[:, 0]
        out_of_it = (mood >= LOW)[before].mean() if before.any() else 1.0
        for name, value in zip(TOLD, (out.clicked, mood < LOW, out_of_it, mood, bleak[item]), strict=True):
            told[name].append(float(np.mean(value)))
        moment = out.moment
    half = MOMENTS // 2
    measured = {name: float(np.mean(values[half:])) for name, values in told.items()}
    return {**measured, "violations": broken, "decisions": n * MOMENTS}


BENCH = Bench("the wellbeing guard: rules that hold, clicks given up, low moods saved, beside ESMR", None, run)
