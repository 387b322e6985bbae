"""How the states of an engine come about: from a checkpoint and the journal behind it, or from the whole log."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from emotide.api import Emotide, SocialLog
from emotide.live.config import LiveConfig
from emotide.live.served import Served
from emotide.store.audit import erasures
from emotide.store.journal import before_journal, read_journal

PAGE = 50_000  # lines that are read at once


class Building:
    """Makes models at work, with their states, from what is on disk.

    Args:
        log, config, folder: of the engine.
    """

    def __init__(self, log: SocialLog, config: LiveConfig, folder: Path) -> None:
        self.log, self.config, self.folder = log, config, folder
        self.states = folder / "states"

    def serving(self, emotide: Emotide, digest: str) -> Served:
        """A model at work that has seen nothing yet."""
        return Served(emotide, self.log, self.config, self.folder, digest)

    def built(self, model: Path) -> Served:
        """The states as they stand after all that the store holds.

        Raises:
            ModelMismatch: there is no whole model.
            BadInput: the model's steps are no windows of time.
        """
        served = self.serving(Emotide.from_pretrained(model), _digest(model))
        if not served.loaded(self.states):
            served = self._from_beginning(self.serving(served.emotide, served.digest))
        else:
            self.behind(served)
            if served.stream.minded < self._erasures():  # while nobody was here to hear of it
                self.without_gone(served)
        served.look_ahead()
        return served

    def anew(self, model: Path) -> Served:
        """The same, whatever checkpoints there are; the open step is not read yet."""
        return self._from_beginning(self.serving(Emotide.from_pretrained(model), _digest(model)))

    def behind(self, served: Served) -> None:
        """Take the lines of the journal behind those that are in the states."""
        for lines in self._pages(served):
            served.take(lines)

    def saved(self, served: Served) -> Path:
        """Write the states."""
        return served.saved(self.states, self.config.kept)

    def without_gone(self, served: Served, user: str | None = None) -> list[dict[str, Any]]:
        """Forget whom the store does not hold any more, in memory, checkpoints and audit; see `Served.without_gone`."""
        with self.log.store.connect() as connection:
            told = served.without_gone(connection, user)
        shutil.rmtree(self.states, ignore_errors=True)  # damaged ones hold names too
        self.saved(served)
        return told

    def _from_beginning(self, served: Served) -> Served:
        with self.log.store.connect() as connection:
            served.stream.minded = erasures(connection)
            lines = before_journal(connection)
        served.take(lines)
        self.behind(served)
        return served

    def _erasures(self) -> int:
        with self.log.store.connect() as connection:
            return erasures(connection)

    def _pages(self, served: Served) -> Iterator[pl.DataFrame]:
        while True:
            with self.log.store.connect() as connection:
                lines = read_journal(connection, served.stream.seq, PAGE)
            if lines.is_empty():
                return
            yield lines


def _digest(model: Path) -> str:
    """A digest of a model's folder: of what decides on states."""
    told = hashlib.sha256()
    for name in ("model.json", "model.safetensors"):
        told.update((model / name).read_bytes() if (model / name).exists() else b"")
    return told.hexdigest()[:32]
