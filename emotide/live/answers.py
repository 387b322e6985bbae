"""Answers from a snapshot: readings and forecasts as rows with names and times (DESIGN 5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from emotide.api import Emotide
from emotide.api.frames import furthest
from emotide.api.honesty import calibrated_rows
from emotide.errors import UnknownName
from emotide.live.snapshot import Snapshot
from emotide.model import EmotionSpace, space_named

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Answers:
    """What one model's snapshot says.

    Args:
        emotide: the model.
        snapshot: of states.
        space: the usual one.
        origin: the step since 1970 from which steps are counted.
        window: microseconds of a step.
    """

    def __init__(self, emotide: Emotide, snapshot: Snapshot, space: str, origin: int, window: int) -> None:
        self.emotide, self.space, self.origin, self.window = emotide, space, origin, window
        self.census, self.snapshot = snapshot.census, snapshot

    def knows(self, user: str) -> bool:
        """Whether somebody of this id was read."""
        return bool(self._rows(user))

    def known(self, user: str) -> list[int]:
        """The rows of a person, one a network.

        Raises:
            UnknownName: there is nobody of this id.
        """
        found = self._rows(user)
        if not found:
            raise UnknownName("user", user, [])
        return found

    def _rows(self, user: str) -> list[int]:
        row = self.census.names.row  # somebody may come, or be erased, while it is looked at
        found = [row.get((network, user), -1) for (network,) in self.census.networks.names]
        return [place for place in found if 0 <= place < self.snapshot.people.rows]

    def row(self, user: str, network: str | None) -> int:
        """The row of a person in a network; of all networks the one that touched them last, where none is named."""
        rows = self.known(user)
        if network is not None:
            place = self.census.names.row.get((network, user), -1)
            if place not in rows:
                known = [self.census.networks.names[self.snapshot.people.network[k]][0] for k in rows]
                raise UnknownName("network of this user", network, known)
            return place
        return max(rows, key=lambda k: int(self.snapshot.people.touched[k]))

    def emotion(self, user: str, network: str | None, space: str | None, horizon: int) -> list[dict[str, Any]]:
        """The latest reading of a person, and forecasts."""
        known = space_named(space or self.space, self.emotide.spaces())
        rows = self.known(user) if network is None else [self.row(user, network)]
        told = []
        for row in rows:
            touched, last, Y, ahead = self.snapshot.told(row, horizon)
            now = [(touched, 0, Y)] if touched >= 0 else []
            found = [*now, *((last + k, k, later) for k, later in enumerate(ahead, 1))]
            if found:
                steps, horizons, Ys = zip(*found, strict=True)
                told += self._read(known, [row] * len(steps), list(steps), np.array(horizons), np.stack(Ys))
        return told

    def now(self, rows: list[int]) -> list[dict[str, Any]]:
        """The latest readings of these people."""
        known = space_named(self.space, self.emotide.spaces())
        with self.snapshot.lock:
            steps = [int(self.snapshot.people.touched[row]) for row in rows]
            return self._read(known, rows, steps, np.zeros(len(rows), int), self.snapshot.people.Y[rows])

    def _read(
        self, space: EmotionSpace, rows: list[int], steps: list[int], horizon: np.ndarray,
        Y: Float[np.ndarray, "rows affect"],
    ) -> list[dict[str, Any]]:  # fmt: skip
        trained = self.emotide.trained
        with torch.no_grad():
            raw = trained.model.readings.read(space.name, torch.from_numpy(np.ascontiguousarray(Y))).numpy()
        read = calibrated_rows(trained.calibration, space.name, "known", horizon, raw)
        decided = furthest(space, read) if space.dimensional else np.array(space.names)[raw.argmax(1)]
        out = []
        for k, row in enumerate(rows):
            name = self.census.names.names[row]
            if not name:
                continue
            out.append(
                {"user_id": name[1], "network": name[0], "horizon": int(horizon[k]),
                 "time": EPOCH + timedelta(microseconds=(self.origin + steps[k]) * self.window),
                 "space": space.name, "reading": str(decided[k]),
                 "probabilities": {one: float(p) for one, p in zip(space.names, read[k], strict=True)}}
            )  # fmt: skip
        return out
