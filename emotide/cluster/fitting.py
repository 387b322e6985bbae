"""Training on Ray workers: data-parallel over parts, elastic, the same gradient steps as one process.

Plain actors, not Ray Train: its trainer would bring a second controller, a storage layout and a process group of its
own, while gradients here must cross the borders between workers amid the way back, over the very connections
by which states came; all that is left for a trainer to do is to start over with those who are left, which is ten lines.
"""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from emotide.cluster.session import ray_session
from emotide.cluster.states import write_parts
from emotide.cluster.training import trainable
from emotide.cluster.workers import Crew, WorkersLost
from emotide.errors import EmotideError
from emotide.model import AffectiveModel
from emotide.timeline import Timeline
from emotide.train.config import TrainConfig
from emotide.train.fit import History, trained_spaces
from emotide.train.loss import class_weights

Progress = Callable[[int, int, str], None]


class ClusterFit:
    """`emotide.train.fit.fit` on Ray workers: all networks of a log make one batch.

    Args:
        address: of a cluster; None or '' starts one here.
        workers: how many parts.
        partition: a key of `PARTITIONS`.
        room: a folder that all machines see; a temporary one by default.
        meanwhile: called with the crew once training is under way, each time that it is.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int = 2,
        partition: str = "community",
        room: Path | None = None,
        meanwhile: Callable[[Crew], None] | None = None,
    ) -> None:
        self.address, self.workers, self.partition, self.room = address, workers, partition, room
        self.meanwhile = meanwhile

    def __call__(
        self,
        model: AffectiveModel,
        timeline: Timeline,
        vectors: Tensor,
        config: TrainConfig,
        checkpoint: Path | None = None,
        progress: Progress | None = None,
    ) -> History:
        """Train the model in place.

        When a worker is lost, the log is cut anew for those who are left, and training goes on from the last epoch.

        Raises:
            BadInput: the recipe wants what cannot be learned in parts.
            EmotideError: no worker is left.
        """
        trainable(config, model.behaviour is not None)
        classes = {
            space: class_weights(timeline, space, config.class_weights).to(vectors)
            for space in trained_spaces(timeline, config)
        }
        with (
            TemporaryDirectory(prefix="emotide-parts-", dir=self.room) as folder,
            ray_session(self.address, self.workers) as ray,
        ):
            kept = checkpoint or Path(folder) / "checkpoint"
            for workers in range(self.workers, 0, -1):
                room = Path(folder) / f"{workers}-parts"
                write_parts(timeline, vectors, workers, room, self.partition)
                try:
                    weights, rows = self._trained(ray, room, workers, (model, classes, config, str(kept)))
                except WorkersLost:
                    _tell(kept, config, progress, f"a worker is lost; going on with {workers - 1}")
                    continue
                model.load_state_dict(weights)
                _tell(kept, config, progress, f"on {workers} workers")
                model.eval()
                return History(rows)
        raise EmotideError("all workers are lost; what was learned until the last epoch is kept in the checkpoint")

    def _trained(self, ray: Any, room: Path, workers: int, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
        with Crew(ray, room, workers) as crew:
            hook = self.meanwhile
            found = crew.all("fit", *arguments, meanwhile=(lambda: hook(crew)) if hook else None)
        weights, rows = found[0]
        return weights, rows


def _tell(checkpoint: Path, config: TrainConfig, progress: Progress | None, what: str) -> None:
    """How far training is, by its checkpoint."""
    head = checkpoint / "checkpoint.json"
    if progress is not None and head.exists():
        rows = json.loads(head.read_text())["rows"]
        progress(len(rows), config.epochs, f"loss {rows[-1]['loss']:.3f}, dev {rows[-1]['dev']:.3f}; {what}")
