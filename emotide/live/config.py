"""How events are taken in as they come."""

from pydantic import BaseModel, Field


class LiveConfig(BaseModel, frozen=True, extra="forbid"):
    """How events are taken in as they come (DESIGN 6)."""

    lateness: float = Field(
        0.0, ge=0, description="seconds for which a step stays open after its end, for events that come late"
    )
    most_waiting: int = Field(
        50_000,
        ge=1,
        description="events that may be committed and not yet in the states; beyond, callers are told to wait",
    )
    micro_batch: int = Field(20_000, ge=1, description="events that are taken into the states at once")
    refresh: float = Field(
        0.2, ge=0, description="seconds, at least, between two readings of the step that is still open"
    )
    checkpoint_every: int = Field(50_000, ge=1, description="events between two checkpoints")
    kept: int = Field(2, ge=1, description="checkpoints that are kept")
    epsilon: float = Field(0.05, ge=0, le=1, description="share of recommendations given to chance, to learn from")
    guarded: bool = Field(True, description="whether the rules of what may not be shown hold")
    watch: float = Field(
        2.0, ge=0, description="seconds between two looks at what other processes did: who was erased, what came in"
    )
    stale: float = Field(
        600.0, ge=0, description="seconds for which what is slow to ask (influences, demand) is answered from memory"
    )
    patience: float = Field(8.0, ge=0, description="seconds that an answer waits for what is slow and not there yet")
