"""What is sent and what comes back, as types; the events are the tables of the contract (DESIGN 4), row by row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from emotide.log import TABLES, Column, Kind

MOST_EVENTS = 1000  # in a request
LONGEST_ID, LONGEST_TEXT, LONGEST_TAGS = 400, 50_000, 4000  # characters
NOT_TAKEN = ("image", "audio", "video", "dimensions", "split")  # a file has no folder here to lie in
KINDS = {"post": "posts", "interaction": "interactions", "tie": "ties", "label": "labels", "item": "items"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "post": {"event_id": "e1", "type": "post", "post_id": "p1", "user_id": "ana", "time": "2024-05-01T08:00:00Z",
             "network": "town", "text": "what a morning"},
    "interaction": {"event_id": "e2", "type": "interaction", "source_id": "bo", "target_id": "ana",
                    "time": "2024-05-01T08:05:00Z", "kind": "like", "network": "town", "post_id": "p1"},
    "tie": {"event_id": "e3", "type": "tie", "source_id": "ana", "target_id": "bo", "kind": "follows",
            "network": "town"},
    "label": {"event_id": "e4", "type": "label", "user_id": "ana", "time": "2024-05-01T08:10:00Z", "space": "ekman",
              "category": "joy", "network": "town"},
    "item": {"event_id": "e5", "type": "item", "item_id": "i1", "title": "A walk by the river"},
}  # fmt: skip

Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
Tags = Annotated[str, Field(max_length=LONGEST_TAGS, pattern=r"^[^\x00]*$", description="names, with commas between")]
Blank = Annotated[str, Field(max_length=LONGEST_ID, pattern=r"^[^\x00]*$")]  # an id, or "": none
Network = Annotated[Blank, Field(description="a community; what names none is of one of its own, which is named ''")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(lambda given: int(given) if given in range(10**6) else given)]  # also 5.0
Stamp = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[0-9TZtz:.+\- ]+$")]
Time = Annotated[
    Stamp | Annotated[int, Field(ge=0, le=10**12)] | Annotated[float, Field(ge=0, le=1e12)],
    Field(description="ISO 8601, or seconds since 1970; UTC when no zone is given", union_mode="smart"),
]


class Sent(BaseModel):
    """Something from a client: nothing is guessed, and nothing unknown is let through."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Measured(Sent):
    """The same; further numbers are let through: the dimensions of a label's space."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Finite] = Field(init=False)


def _type(column: Column) -> Any:
    match column.kind:
        case Kind.TIME:
            return Time
        case Kind.NUMBER:
            return Annotated[float, Field(allow_inf_nan=False, ge=column.low, le=column.high)]
        case Kind.TAGS:
            return Tags
        case Kind.TEXT:
            return Text
        case _:
            if column.name == "network":
                return Network
            return Literal[column.choices] if column.choices else Id if column.default is None else Blank


def _event(kind: str) -> type[Sent]:
    """The body of one kind of event."""
    fields: dict[str, Any] = {"event_id": (Id, ...), "type": (Literal[kind], ...)}
    for column in TABLES[KINDS[kind]].columns:
        if column.name not in NOT_TAKEN:
            fields[column.name] = (_type(column), ...) if column.required else (_type(column) | None, None)
    base, about = Measured if kind == "label" else Sent, f"An event: a row of the table {KINDS[kind]}."
    return cast(type[Sent], create_model(kind.title(), __base__=base, __doc__=about, **fields))


Post, Interaction, Tie, Label, Item = (_event(kind) for kind in KINDS)
Event = Annotated[Post | Interaction | Tie | Label | Item, Field(discriminator="type")]  # type: ignore[valid-type]


class Events(Sent):
    """Events to take in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": list(EXAMPLES.values())}]})
    events: Annotated[list[Event], Field(min_length=1, max_length=MOST_EVENTS)]


class FeedbackRow(Sent):
    """What somebody made of an item that was shown."""

    event_id: Id = Field(examples=["f1"])
    user_id: Id = Field(examples=["ana"])
    item_id: Id = Field(examples=["i1"])
    time: Time = Field(examples=["2024-05-01T09:00:00Z"])
    reward: Finite = Field(examples=[1.0])
    network: Network | None = None
    propensity: Annotated[float, Field(ge=0, le=1)] | None = None
    decision_id: Id | None = None


class Feedback(Sent):
    """Feedback to take in."""

    rows: Annotated[list[FeedbackRow], Field(min_length=1, max_length=MOST_EVENTS)]


class Wanted(Sent):
    """Whom to recommend something to."""

    user_id: Id = Field(examples=["ana"])
    top: Whole = Field(5, ge=1, le=100, description="items")
    network: Blank | None = Field(None, description="one of theirs; where none is named, that which touched them last")


class Swap(Sent):
    """Which model to go on with."""

    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}$", description="the name of a folder")]


def plain(body: BaseModel) -> dict[str, Any]:
    """The row as the engine takes it, without what is absent."""
    return body.model_dump(exclude_none=True)


class Told(BaseModel):
    """Something that the service says; a number that is none (NaN) is told as null."""

    model_config = ConfigDict(from_attributes=True)


class Receipt(Told):
    """What became of one event: new (committed now), known (it was here before), refused (with the reason)."""

    event_id: str
    status: Literal["new", "known", "refused"]
    reason: str | None = None


class Receipts(Told):
    """Receipts, in the order of what was sent."""

    receipts: list[Receipt]


class Emotion(Told):
    """A reading: now (horizon 0) or so many steps ahead, in some space."""

    user_id: str
    network: str
    time: datetime
    horizon: int
    space: str
    reading: str | None
    probabilities: dict[str, float | None]


class Influence(Told):
    """What one person did to another, over all time."""

    source_id: str
    target_id: str
    network: str
    time: datetime | None = None
    effect: float | None
    strength: float | None
    p_value: float | None = None


class Demand(Told):
    """What a group, or a person, wants."""

    group: str
    time: datetime | None = None
    topic: str
    value: float | None
    share: float | None
    n: int


class Recommendation(Told):
    """An item for a person, and why."""

    decision_id: str
    user_id: str | None = None
    network: str | None = None
    time: datetime | None = None
    rank: int
    item_id: str
    value: float | None
    propensity: float | None
    reason: str


class Space(Told):
    """An emotion space that can be asked for."""

    model_config = ConfigDict(extra="allow")
    name: str


class Forgotten(Told):
    """What was erased."""

    model_config = ConfigDict(extra="allow")


class Health(Told):
    """Counts and facts of the engine."""

    model_config = ConfigDict(extra="allow")


class Done(Told):
    """It was done."""

    done: str


def rows(kind: type[Told], found: Sequence[Any]) -> list[Any]:
    """Rows of the engine as bodies."""
    return [kind.model_validate(row) for row in found]
