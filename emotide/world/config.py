"""What can be chosen about the town in which recommending is tried."""

from pydantic import BaseModel, Field

from emotide.demo.config import TownConfig


class WorldConfig(BaseModel, frozen=True, extra="forbid"):
    """The demonstration's town, lived in moment by moment: at each one, everybody is shown one of some candidates."""

    town: TownConfig = Field(
        TownConfig(people=100, items=200, persistence=0.8, restlessness=0.15, shocks=0.1),
        description="who lives there, ties, tastes and items; how moods last, spread and are shaken, per moment",
    )
    candidates: int = Field(
        20, ge=1, description="items of which one may be shown, drawn anew for everybody each moment"
    )
    leaves: float = Field(0.02, ge=0, lt=1, description="probability that a person's session ends after a moment")
    sway: float = Field(
        2.0,
        ge=0,
        description="of moods on clicks; with 2, moods move a person's log-odds as far as items differ in taste",
    )
    fatigue: float = Field(0.5, ge=0, description="log-odds that a topic loses by each showing, until it is forgotten")
    rest: float = Field(0.8, ge=0, lt=1, description="share of a topic's fatigue that is left a moment later")
    remembered: float = Field(
        0.99, ge=0, lt=1, description="share of the counts of a person's clicks left a moment later"
    )
    reported: float = Field(
        0.2, ge=0, le=1, description="probability a moment that a person reports a category of mood"
    )
    state: int = Field(8, ge=1, description="width of H")
    blur: float = Field(0.15, ge=0, description="standard deviation of what H mistakes each coordinate of the mood by")
    turn: int | None = Field(
        None, ge=1, description="moment at which tastes change suddenly: everybody's topics shift by one"
    )
