"""A process that feeds events to a live engine, and notes which were acknowledged: the one that gets killed.

`python -c "from emotide.bench.service.feeding import main; main()" STORE MODEL FOLDER EVENTS ACKNOWLEDGED SEED`
"""

import json
import sys
from pathlib import Path

import numpy as np

from emotide.live import LiveConfig, LiveEngine


def feed(store: str, model: Path, folder: Path, events: Path, acknowledged: Path, seed: int) -> None:
    """Send what was not acknowledged yet, in its order, in batches of any size."""
    rng = np.random.default_rng(seed)
    every = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
    done = read_acknowledged(acknowledged)
    rest = [event for event in every if event["event_id"] not in done]
    live = LiveEngine.open(store, model, LiveConfig(checkpoint_every=60), folder)
    with acknowledged.open("a", encoding="utf-8") as sink:
        while rest:
            some = int(rng.integers(1, 25))
            receipts = live.accept(rest[:some])
            sink.write("".join(f"{receipt.event_id}\n" for receipt in receipts if receipt.status != "refused"))
            sink.flush()
            rest = rest[some:]
    live.close()


def read_acknowledged(file: Path) -> set[str]:
    """The ids that were acknowledged; a line that was cut short by a kill is none."""
    return set(file.read_text("utf-8").split("\n")[:-1]) if file.exists() else set()


def main() -> None:
    """Feed as the command line says."""
    store, model, folder, events, acknowledged, seed = sys.argv[1:]
    feed(store, Path(model), Path(folder), Path(events), Path(acknowledged), int(seed))
