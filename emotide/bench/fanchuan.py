"""FanChuan (2025): the sentiment of comments in five communities, Chinese and English, beside text alone."""

from pathlib import Path
from typing import Any

from emotide.api import Emotide, Recipe
from emotide.bench.bench import Bench, Progress, Say, converted, gathered
from emotide.model import NetworkConfig
from emotide.timeline import TimelineConfig
from emotide.train import TrainConfig

COMMUNITIES = {
    "CampusLife": "polarity",
    "Tiktok-Trump": "polarity",
    "CS2": "stance_cs2",
    "DrinkWater": "polarity",
    "Alibaba-Math": "polarity",
}  # fmt: skip
ENGLISH = ("CampusLife", "Tiktok-Trump")


def recipe(community: str, seed: int) -> Recipe:
    """Word vectors for Chinese, MiniLM for English; a step is ten comments on the synthetic clock of one a minute."""
    return Recipe(
        text="minilm" if community in ENGLISH else "words",
        timeline=TimelineConfig(step="10m"),
        network=NetworkConfig(dropout=0.4, input_dropout=0.4),
        train=TrainConfig(seed=seed, learning_rate=1e-3, least_window=6),
    )


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Weighted and macro F1 of each community's sentiment on the test part, reports hidden."""
    out: dict[str, Any] = {"data": "FanChuan, splits as published, reports hidden", "seeds": seeds}
    for community, space in COMMUNITIES.items():
        runs = []
        with converted("fanchuan", data / "fanchuan", community=community) as log:
            for seed in seeds:
                emotide = Emotide.fit(log, recipe(community, seed), progress=progress)
                runs.append(emotide.evaluate(log, space=space))
        out[community] = gathered(runs, ("weighted_f1", "macro_f1", "accuracy"))
        ours, text = (out[community][name]["recognition"]["weighted_f1"][0] for name in ("ours", "post_logistic"))
        say(f"{community}: recognition {ours:.4f}, text alone {text:.4f}")
    return out


BENCH = Bench("sentiment of comments in five communities, Chinese and English", "fanchuan", run)
