"""How a log is cut into steps."""

import re

from pydantic import BaseModel, Field, field_validator

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class TimelineConfig(BaseModel, frozen=True, extra="forbid"):
    """How a log is cut into steps, and who counts as a neighbour."""

    step: str = Field(
        "1d", description="one tick: a window such as 15m, 1h, 1d, 1w, so many events such as '200 events', or 'turn'"
    )
    max_neighbours: int = Field(
        16,
        ge=1,
        le=255,
        description="neighbours that a user has from before a step, as many new; a sample where there are more",
    )
    neighbour_memory: int = Field(30, ge=0, description="steps for which a contact keeps two people neighbours")
    dialogue_size: int = Field(32, ge=2, description="with step 'turn', networks up to this size are dialogues")
    max_kinds: int = Field(16, ge=1, description="kinds of interaction told apart, the most frequent first")

    @field_validator("step")
    @classmethod
    def _known_step(cls, step: str) -> str:
        if step != "turn" and not re.fullmatch(r"[1-9]\d{0,4}([smhdw]| events)", step):
            raise ValueError(
                f"step {step!r} is neither 'turn', a window such as 15m, 1h, 1d, 1w, nor such as '200 events'"
            )
        return step

    @property
    def window(self) -> int | None:
        """The window in microseconds; None where a step is a turn or a number of events."""
        return None if self.turns or self.events is not None else int(self.step[:-1]) * UNITS[self.step[-1]] * 1_000_000

    @property
    def turns(self) -> bool:
        """Whether a step is a turn of a dialogue."""
        return self.step == "turn"

    @property
    def events(self) -> int | None:
        """Posts and interactions, of all networks together, that make a step; None where steps are cut otherwise."""
        return int(self.step.split()[0]) if self.step.endswith("events") else None
