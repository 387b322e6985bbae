"""The states of a part, step by step: what the network says of its people, and checkpoints to go on from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int
from safetensors.torch import load_file, save_file

from emotide.cluster.borders import PartBorders
from emotide.cluster.part import Part
from emotide.cluster.peers import Peers
from emotide.errors import BadInput
from emotide.model import AffectiveModel, Batch, State
from emotide.model.trace import SHOWN


@dataclass(frozen=True)
class Said:
    """Affect vectors of users of a part at steps, as in `emotide.model.trace.Trace`."""

    user: Int[np.ndarray, " rows"]  # row of the whole timeline's table of users
    step: Int[np.ndarray, " rows"]
    horizon: Int[np.ndarray, " rows"]
    Y: Float32[np.ndarray, "rows affect"]


class PartRun:
    """H, A and M of a part, and the step that moves them: the very one that one process runs.

    Args:
        model: in evaluation mode.
        part: whose states these are.
        peers: the other parts.
        reports: 'hidden' or 'known'.
        overlapping: see `PartBorders`.
    """

    def __init__(
        self, model: AffectiveModel, part: Part, peers: Peers, reports: str = "hidden", overlapping: bool = True
    ) -> None:
        self.model, self.part, self.shown = model, part, SHOWN[reports]
        like = model.network.H_0
        self.borders = PartBorders(part, peers, like.device, overlapping)
        self.vectors = torch.from_numpy(np.array(part.vectors)).to(like)
        self.batch = Batch(part.group(), like.device, like.dtype)
        group = self.batch.group
        with torch.no_grad():
            self.state: State = model.network.initial(len(group.users), group.pairs)

    @torch.no_grad()
    def run(self, first: int, last: int) -> Said:
        """Steps `first` to `last` (exclusive, counted from the first); what is recognised in them."""
        users, steps, said = [], [], []
        network = self.model.network
        steps_of = self.batch.steps(first, last)
        followed = self.model.followed(steps_of, self.vectors, self.state, self.shown, True, self.borders)
        for step, before, H, X, _ in followed:
            users.append(step.seen.user)
            steps.append(np.full(len(step.seen.user), step.number))
            said.append(network.read(H, before.M.index_select(0, step.seen.user), X))
        return self._said(users, steps, said, 0)

    @torch.no_grad()
    def beyond(self, k: int) -> Said:
        """The k-th step (from 1) after the end of each network: what is forecast for everybody."""
        network, here = self.model.network, self.part.guests.users
        view = self.batch.beyond(k)
        arriving = self.borders.begun(self.borders.end + k - 1, self.state)
        moved = network.advance(self.state, view, self.vectors, arriving)
        self.state = network.written(self.state, view, moved, owned=True)
        last = self.part.guests.ends[self.part.network[:here]]
        Y = network.read(self.state.H[:here], self.state.M[:here])
        return self._said([view.user], [last + k], [Y], k)

    def states(self) -> dict[str, np.ndarray]:
        """H and M of those who are here, with their rows in the whole timeline's table of users."""
        here = self.part.guests.users
        H, M = (table[:here].cpu().numpy() for table in (self.state.H, self.state.M))
        return {"user": np.array(self.part.user[:here]), "H": H, "M": M}

    def save(self, folder: Path, done: int) -> None:
        """Write the states after `done` steps; whole or not at all. Those of the checkpoint before stay too."""
        folder.mkdir(parents=True, exist_ok=True)
        file = self._file(folder, done)
        save_file(
            dict(zip("HAM", (table.contiguous() for table in self.state), strict=True)), file.with_suffix(".part")
        )
        file.with_suffix(".part").replace(file)
        old = sorted(folder.glob(f"{self._name}-*.safetensors"))
        for left in old[:-2]:
            left.unlink()

    def restore(self, folder: Path, done: int) -> None:
        """Go back to the states after `done` steps.

        Raises:
            BadInput: they are not there.
        """
        if not done:
            self.state = self.model.network.initial(len(self.part.user), self.batch.group.pairs)
            return
        file = self._file(folder, done)
        try:
            held = load_file(file)
        except (OSError, ValueError) as error:
            raise BadInput(f"no checkpoint here: {error}", file) from error
        self.state = State(*(held[name].to(self.vectors.device) for name in "HAM"))

    @property
    def _name(self) -> str:
        return f"states-{self.part.number}-of-{self.part.parts}"

    def _file(self, folder: Path, done: int) -> Path:
        return folder / f"{self._name}-{done:09d}.safetensors"

    def _said(self, users: list[torch.Tensor], steps: list[np.ndarray], said: list[torch.Tensor], horizon: int) -> Said:
        user = np.concatenate([self.part.user[:0], *(self.part.user[rows.cpu().numpy()] for rows in users)])
        step = np.concatenate([np.zeros(0, np.int64), *steps])
        empty = self.vectors.new_zeros(0, self.model.network.config.affect)
        Y = torch.cat([empty, *said]).cpu().numpy().astype(np.float32)
        return Said(user, step, np.full(len(user), horizon), Y)
