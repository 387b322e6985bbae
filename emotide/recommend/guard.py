"""The wellbeing guard: what may not be shown to whom in which state, as a file of rules (DESIGN 3.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, Field, ValidationError, model_validator

from emotide.errors import BadInput
from emotide.log.settings import first_fault, read_table

DEFAULT = Path(__file__).parent / "rules.toml"
FREE = -1  # no rule bars it


class Rule(BaseModel, frozen=True, extra="forbid"):
    """Items of some classes are barred in a lasting state, or beyond a cap; where both are given, beyond it then."""

    name: str = Field(min_length=1, description="what the rule wants; it stands in the audit")
    classes: list[str] = Field(min_length=1, description="tags of items; '*' is every item")
    pleasure_below: float | None = Field(None, ge=-1, le=1, description="the state: pleasure read below this")
    readings: int = Field(1, ge=1, description="how many of the latest readings, without a break")
    at_most: int | None = Field(None, ge=0, description="the cap: so many of these classes")
    of_last: int = Field(10, ge=1, description="among the things shown last, with what is to be shown now")

    @model_validator(mode="after")
    def _says_when(self) -> "Rule":
        if self.pleasure_below is None and self.at_most is None:
            raise ValueError("a rule wants pleasure_below, at_most or both: else it would bar its classes for ever")
        return self


@dataclass(frozen=True)
class Verdict:
    """What may be shown.

    Attributes:
        allowed: of every user's candidates.
        rule: the first rule that bars it, by its place in the file, or `FREE`.
    """

    allowed: Bool[np.ndarray, "users some"]
    rule: Int[np.ndarray, "users some"]


@dataclass(frozen=True)
class Guard:
    """The rules, in the order of their file."""

    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, file: Path | None = None) -> "Guard":
        """The rules of a TOML file, by default those that come with Emotide.

        Raises:
            BadInput: the file cannot be read, or a rule says something unknown.
        """
        file = file or DEFAULT
        told = read_table(file, "file of rules")
        if set(told) - {"rule"} or not isinstance(told.get("rule", []), list):
            raise BadInput(f"a file of rules holds [[rule]] tables; this one has {', '.join(sorted(told))}", file)
        rules = []
        for number, one in enumerate(told.get("rule", []), 1):
            try:
                rules.append(Rule.model_validate(one))
            except ValidationError as error:
                raise BadInput(f"rule {number}, {first_fault(error, Rule, 'rule')}", file) from error
        return cls(tuple(rules))

    @property
    def readings(self) -> int:
        """How many of a person's latest readings the rules look at, at most."""
        return max((rule.readings for rule in self.rules if rule.pleasure_below is not None), default=0)

    @property
    def shown(self) -> int:
        """How many of the things shown last the rules look at, at most."""
        return max((rule.of_last - 1 for rule in self.rules if rule.at_most is not None), default=0)

    def belongs(self, tags: Sequence[str | None]) -> Bool[np.ndarray, "rules items"]:
        """Which items each rule is about; tags as in the log, with commas between."""
        of = [{tag.strip().casefold() for tag in (text or "").split(",")} for text in tags]
        wanted = [{name.casefold() for name in rule.classes} for rule in self.rules]
        return np.array([["*" in names or bool(names & own) for own in of] for names in wanted], bool).reshape(
            len(self.rules), len(of)
        )

    def verdict(
        self,
        pleasure: Float[np.ndarray, "users readings"],
        recent: Int[np.ndarray, "users shown"],
        candidates: Int[np.ndarray, "users some"],
        belongs: Bool[np.ndarray, "rules items"],
    ) -> Verdict:
        """Hold every candidate against every rule.

        Args:
            pleasure: of the latest readings, the last one last; NaN where there was none. Who was read too seldom is in
                no lasting state.
            recent: the items shown last, the last one last; below 0 where there were fewer.
            candidates: rows of the table of items; below 0 is none and never allowed.
            belongs: what `belongs` says of the items.
        """
        rule = np.full(candidates.shape, FREE)
        for place in reversed(range(len(self.rules))):
            held = self._holds(self.rules[place], pleasure, recent, belongs[place])
            rule = np.where(held[:, None] & belongs[place][candidates.clip(min=0)], place, rule)
        return Verdict((rule == FREE) & (candidates >= 0), rule)

    def slates(
        self,
        pleasure: Float[np.ndarray, "users readings"],
        recent: Int[np.ndarray, "users shown"],
        candidates: Int[np.ndarray, "users some"],
        belongs: Bool[np.ndarray, "rules items"],
        values: Float[np.ndarray, "users some"],
        allowed: Bool[np.ndarray, "users some"],
        top: int,
    ) -> Verdict:
        """Bar what a slate would hold too much of: of the classes of a cap only as many stay as it leaves, the best.

        So no order and no chance can put more of them among the `top` items of one slate, and the probability of each
        place stays that of a slate from what is left. For the first item alone this bars nothing.

        Args:
            pleasure, recent, candidates, belongs: as for `verdict`.
            values: by which the best of a class stay.
            allowed: what `verdict` lets pass.
            top: length of the slate.
        """
        rule, allowed = np.full(candidates.shape, FREE), allowed.copy()
        for place, one in enumerate(self.rules):
            left = self._left(one, pleasure, recent, belongs[place])
            mine = belongs[place][candidates.clip(min=0)] & allowed
            users = np.flatnonzero((left < top) & (mine.sum(1) > left))
            best = np.argsort(np.where(mine[users], -values[users], np.inf), axis=1, kind="stable")
            over = mine[users] & (np.argsort(best, axis=1) >= left[users, None])
            allowed[users], rule[users] = allowed[users] & ~over, np.where(over, place, rule[users])
        return Verdict(allowed, rule)

    @classmethod
    def _holds(
        cls, rule: Rule, pleasure: np.ndarray, recent: np.ndarray, belongs: np.ndarray
    ) -> Bool[np.ndarray, " users"]:
        """For whom a rule bars its classes now."""
        return cls._low(rule, pleasure, len(recent)) & (cls._left(rule, pleasure, recent, belongs) <= 0)

    @staticmethod
    def _low(rule: Rule, pleasure: np.ndarray, users: int) -> Bool[np.ndarray, " users"]:
        """Who is in the rule's state; all where it names none."""
        if rule.pleasure_below is None:
            return np.ones(users, bool)
        last = pleasure[:, pleasure.shape[1] - min(rule.readings, pleasure.shape[1]) :]
        return np.asarray((last < rule.pleasure_below).all(1) & (last.shape[1] == rule.readings))

    @classmethod
    def _left(
        cls, rule: Rule, pleasure: np.ndarray, recent: np.ndarray, belongs: np.ndarray
    ) -> Float[np.ndarray, " users"]:
        """How many of a rule's classes each user may still be shown; no end of them where its state is not theirs."""
        last = recent[:, max(0, recent.shape[1] - (rule.of_last - 1)) :]
        shown = (belongs[last.clip(min=0)] & (last >= 0)).sum(1)
        left = np.zeros(len(recent)) if rule.at_most is None else (rule.at_most - shown).clip(min=0).astype(float)
        return np.where(cls._low(rule, pleasure, len(recent)), left, np.inf)


@dataclass(frozen=True)
class Held:
    """A guard and what it looks at, for some users."""

    guard: Guard
    pleasure: Float[np.ndarray, "users readings"]  # of the latest readings, the last one last; NaN where there was none
    recent: Int[np.ndarray, "users shown"]  # items shown last, the last one last; below 0 where there were fewer
    belongs: Bool[np.ndarray, "rules items"]

    def __getitem__(self, users: slice) -> "Held":
        """Some users."""
        return Held(self.guard, self.pleasure[users], self.recent[users], self.belongs)

    def verdict(self, candidates: Int[np.ndarray, "users some"]) -> Verdict:
        """See `Guard.verdict`."""
        return self.guard.verdict(self.pleasure, self.recent, candidates, self.belongs)

    def slates(
        self,
        candidates: Int[np.ndarray, "users some"],
        values: Float[np.ndarray, "users some"],
        allowed: Bool[np.ndarray, "users some"],
        top: int,
    ) -> Verdict:
        """See `Guard.slates`."""
        return self.guard.slates(self.pleasure, self.recent, candidates, self.belongs, values, allowed, top)


def recovered(
    reward: Float[np.ndarray, " n"],
    before: Float[np.ndarray, " n"],
    after: Float[np.ndarray, " n"],
    weight: float,
) -> Float[np.ndarray, " n"]:
    """The reward with what a low mood gained: r + weight · (min(pleasure', 0) − min(pleasure, 0)).

    Moods above nought count as nought: nobody is to be made happier than content, but to be helped out of a low.
    """
    return np.asarray(reward + weight * (np.minimum(after, 0) - np.minimum(before, 0)))
