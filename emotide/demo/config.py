"""What can be chosen about the simulated town."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field


class TownConfig(BaseModel, frozen=True, extra="forbid"):
    """A small town whose true emotions, influences and tastes are known; one step of the town is one day."""

    people: int = Field(60, ge=2, description="how many people live there")
    days: int = Field(60, ge=2, description="for how many days they are watched")
    start: datetime = Field(datetime(2024, 3, 4, tzinfo=UTC), description="midnight of the first day, UTC")
    seed: int = Field(0, ge=0, description="the same seed gives the same town, byte for byte")
    neighbourhoods: int = Field(4, ge=1, description="communities; most ties stay inside one")
    follows: int = Field(6, ge=1, description="whom a person follows, on average; the followed may move the follower")
    contagion: float = Field(
        1.0, ge=0, le=1.5, description="multiplies every influence weight; with 0 nobody moves anybody"
    )
    persistence: float = Field(0.4, ge=0, lt=1, description="share of yesterday's distance from the own baseline kept")
    restlessness: float = Field(0.2, ge=0, description="standard deviation of what moves a state for no known reason")
    shocks: float = Field(0.12, ge=0, le=1, description="probability a day that something happens to a person")
    posts_per_day: float = Field(1.1, gt=0, description="posts a person and day on average; people differ")
    noise: float = Field(
        0.2, ge=0, le=1, description="share of posts whose words say nothing, or nothing true, about the mood"
    )
    labelled: float = Field(0.75, ge=0, le=1, description="share of posts whose author reports a category for the day")
    labelled_pad: float = Field(
        0.15, ge=0, le=1, description="share of posts whose author reports pleasure, arousal and dominance"
    )
    items: int = Field(40, ge=1, description="things to recommend")
    shown_per_day: float = Field(1.5, ge=0, description="items shown a person and day on average, uniformly at random")
    item_pull: float = Field(0.06, ge=0, description="how far a shown item moves the mood of the next day")
    pictures: float = Field(0.0, ge=0, le=1, description="share of posts with a picture of a face in the post's mood")
    sounds: float = Field(0.0, ge=0, le=1, description="share of posts with a sound in the post's mood")
    clips: float = Field(0.0, ge=0, le=1, description="share of posts with a video in the post's mood")
    wordless: float = Field(0.5, ge=0, le=1, description="share of the posts with any of these that have no words")

    @property
    def shows(self) -> bool:
        """Whether people post anything but words."""
        return self.pictures + self.sounds + self.clips > 0

    def showing(self) -> "TownConfig":
        """The same town, whose people also post pictures, sounds and a few clips."""
        return self.model_copy(update={"pictures": 0.4, "sounds": 0.3, "clips": 0.06})
