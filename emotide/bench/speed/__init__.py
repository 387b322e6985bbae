"""How fast it is: beside TGN, beside what the processor can multiply, beside plain cells, on MELD, from the start."""

from typing import Any

from emotide.bench.bench import Composite
from emotide.bench.speed import cells, gemm, meld, million, profile, startup, tgn


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """What was measured, a part that was left out being left out; how each was come by stands under `how`.

    `{"tgn": {"train_ratio": {STREAM_BATCH}, "infer_ratio", "rss_ratio"}, "gemm_share": {"train", "infer"},
    "cells": {"seconds_ratio"}, "million", "meld_seconds", "meld_epoch_ratio", "startup": {"help", "import", "python"},
    "profile": {PART: share}, "how"}`
    """
    told = {part: {key: value for key, value in one.items() if key != "how"} for part, one in found.items()}
    if "gemm" in told:
        told["gemm_share"] = told.pop("gemm")
    if "meld" in told:
        epochs = told.pop("meld")
        told |= {"meld_seconds": epochs["seconds"], "meld_epoch_ratio": epochs["epoch_ratio"]}
    return {**told, "how": {part: one["how"] for part, one in found.items() if "how" in one}}


BENCH = Composite(
    "events a second and memory beside TGN, share of the GEMM peak, cells, a million users, MELD, start-up",
    {
        "tgn": tgn.BENCH,
        "gemm": gemm.BENCH,
        "cells": cells.BENCH,
        "million": million.BENCH,
        "meld": meld.BENCH,
        "startup": startup.BENCH,
        "profile": profile.BENCH,
    },
    joined,
)
