"""What the service asks of an engine; `emotide.live.LiveEngine` is the one that keeps a store and a model."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Subscription(Protocol):
    """States as they change, one dict each, of people who were not erased; `close` ends the iteration."""

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def still(self, row: Mapping[str, Any]) -> bool:
        """Whether whose state it is was not erased since."""

    def close(self) -> None:
        """No more."""


@runtime_checkable
class Engine(Protocol):
    """Synchronous and safe to call from several threads; its errors are those of `emotide.errors`."""

    def accept(self, events: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Receipts (event_id, status, reason), in order, once what is new was committed."""

    def feedback(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """As `accept`, for feedback on items."""

    def emotion(
        self, user: str, *, network: str | None = None, space: str | None = None, horizon: int = 0
    ) -> list[dict[str, Any]]:
        """A person's readings, now and up to so many steps ahead."""

    def influences(self, user: str, *, top: int = 10) -> list[dict[str, Any]]:
        """Who moved a person, over all time."""

    def demand(self, *, by: str = "network", user: str | None = None, least: int = 5) -> list[dict[str, Any]]:
        """What groups of at least so many people, or one person, want."""

    def recommend(self, user: str, *, top: int = 5, network: str | None = None) -> list[dict[str, Any]]:
        """Items for a person, each with its reason."""

    def forget(self, user: str) -> dict[str, Any]:
        """Erase a person everywhere."""

    def spaces(self) -> list[dict[str, Any]]:
        """The emotion spaces that can be asked for."""

    def swap(self, model: Path) -> None:
        """Go on with another model."""

    def checkpoint(self) -> Path:
        """Write the states down."""

    def health(self) -> dict[str, Any]:
        """Counts and facts."""

    def subscribe(self) -> Subscription:
        """States as they change from now on."""

    def close(self) -> None:
        """Stop; nothing may be asked afterwards."""
