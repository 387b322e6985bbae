"""From times to steps while a log goes on: when a step closes, and where late events count."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from emotide.errors import BadInput
from emotide.timeline import TimelineConfig

NOTHING_YET = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Clock:
    """Steps are windows since 1970. The latest time that an event has told, less the lateness, closes those before it.

    Nothing but the events' own times counts, so that the same journal always gives the same steps, whatever the
    machine's clock does meanwhile.

    Args:
        window: microseconds of a step.
        lateness: microseconds for which a step stays open after its end.
    """

    window: int
    lateness: int

    @classmethod
    def of(cls, config: TimelineConfig, lateness: float) -> "Clock":
        """The clock of a timeline.

        Raises:
            BadInput: its steps are no windows of time.
        """
        if config.window is None:
            raise BadInput(
                f"this model's steps are {config.step!r}; a service wants windows of time: train with --step 1h or 1d"
            )
        return cls(config.window, round(lateness * 1e6))

    def open_from(self, latest: int) -> int:
        """The first step that is open once an event of that time has come."""
        return latest if latest == NOTHING_YET else (latest - self.lateness) // self.window

    def placed(
        self, time: Int[np.ndarray, " lines"], ticks: Bool[np.ndarray, " lines"], latest: int
    ) -> tuple[Int[np.ndarray, " lines"], Int[np.ndarray, " lines"]]:
        """The step in which each line counts, and the first open step after it.

        An event counts in the step of its own time as long as that one is open, and else in the first open one.

        Args:
            time: of each line, in the order in which they came.
            ticks: whether its time moves the clock.
            latest: the latest time before them.
        """
        told = np.maximum.accumulate(np.append(latest, np.where(ticks, time, NOTHING_YET)))
        after = np.where(told == NOTHING_YET, NOTHING_YET, (told - self.lateness) // self.window)
        return np.where(ticks, np.maximum(time // self.window, after[:-1]), np.maximum(after[:-1], 0)), after[1:]
