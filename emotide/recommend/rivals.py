"""What deep Q-learning is measured against: chance, popularity, linear bandits, matrix factors (DESIGN 3.8)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class Seen:
    """What a service knows when it chooses: one row a person, the same persons each time.

    Attributes:
        state: what is known of the person's state; no columns where nothing is.
        context: what is known besides.
        candidates: of which one is to be shown, as rows of the table of items.
    """

    state: Float[np.ndarray, "people state"]
    context: Float[np.ndarray, "people context"]
    candidates: Int[np.ndarray, "people some"]

    @property
    def H(self) -> Float[np.ndarray, "people both"]:
        """State and context side by side."""
        return np.concatenate([self.state, self.context], 1).astype(np.float32)

    def shown(self, place: Int[np.ndarray, " people"]) -> Int[np.ndarray, " people"]:
        """The items at these places among the candidates."""
        return np.asarray(self.candidates[np.arange(len(place)), place])


@dataclass(frozen=True)
class Came:
    """What came of one moment: one row a person.

    Attributes:
        seen: what was known.
        place: of what was shown, among the candidates.
        reward: what came back.
        done: the person's session ended with it.
        after: what is known then.
    """

    seen: Seen
    place: Int[np.ndarray, " people"]
    reward: Float[np.ndarray, " people"]
    done: Bool[np.ndarray, " people"]
    after: Seen

    @property
    def item(self) -> Int[np.ndarray, " people"]:
        """What was shown."""
        return self.seen.shown(self.place)


class Chance:
    """Shows anything.

    Args:
        items: vectors of all items.
        people: how many.
        rng: where chance comes from.
        epsilon: share of the moments given to chance by whatever chooses greedily.
    """

    def __init__(
        self, items: Float[np.ndarray, "items item"], people: int, rng: np.random.Generator, epsilon: float = 0.05
    ) -> None:
        self.items, self.people, self.rng, self.epsilon = items.astype(float), people, rng, epsilon

    def values(self, seen: Seen) -> Float[np.ndarray, "people some"]:
        """What each candidate is worth; chance settles equals."""
        return np.zeros(seen.candidates.shape)

    def choose(self, seen: Seen) -> Int[np.ndarray, " people"]:
        """The place of what is shown to each person: the best, or anything with probability ε."""
        values = self.values(seen)
        best = (values + 1e-9 * self.rng.random(values.shape)).argmax(1)
        anything = self.rng.integers(0, values.shape[1], len(best))
        return np.asarray(np.where(self.rng.random(len(best)) < self.epsilon, anything, best))

    def learn(self, came: Came) -> None:
        """Take note of what came of it."""


class Popular(Chance):
    """The item of the highest click rate so far, held towards the mean as by four showings."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.shows, self.clicks = np.zeros(len(self.items)), np.zeros(len(self.items))

    def values(self, seen: Seen) -> Float[np.ndarray, "people some"]:
        """Click rates."""
        mean = (self.clicks.sum() + 1) / (self.shows.sum() + 2)
        return np.asarray(((self.clicks + 4 * mean) / (self.shows + 4))[seen.candidates])

    def learn(self, came: Came) -> None:
        """Count."""
        np.add.at(self.shows, came.item, 1)
        np.add.at(self.clicks, came.item, came.reward)


class Factors(Popular):
    """Matrix factors of people × items by weighted alternating least squares (Hu, Koren & Volinsky 2008).

        min Σ_{u,i} shows_ui (clicks_ui / shows_ui − mean − p_u · q_i)² + ridge (|p|² + |q|²)

    A cell counts as often as the person was shown the item; refitted every `every` moments, two sweeps each.
    """

    rank, ridge, every = 8, 2.0, 20

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.seen, self.hit = np.zeros((self.people, len(self.items))), np.zeros((self.people, len(self.items)))
        self.q = self.rng.normal(0, 0.1, (len(self.items), self.rank))
        self.p, self.age = np.zeros((self.people, self.rank)), 0

    def values(self, seen: Seen) -> Float[np.ndarray, "people some"]:
        """p_u · q_i; popularity until the first fit."""
        if self.age < self.every:
            return super().values(seen)
        return np.asarray((self.p[:, None] * self.q[seen.candidates]).sum(2))

    def learn(self, came: Came) -> None:
        """Count, and fit at times."""
        super().learn(came)
        people, item = np.arange(len(came.place)), came.item
        self.seen[people, item] += 1
        self.hit[people, item] += came.reward
        self.age += 1
        if self.age % self.every == 0:
            left = self.hit - self.seen * (self.hit.sum() / self.seen.sum())
            for _ in range(2):
                self.p = self._solved(self.q, self.seen, left)
                self.q = self._solved(self.p, self.seen.T, left.T)

    def _solved(self, other: np.ndarray, weight: np.ndarray, sums: np.ndarray) -> np.ndarray:
        gram = np.einsum("ui,ir,is->urs", weight, other, other, optimize=True) + self.ridge * np.eye(self.rank)
        return np.asarray(np.linalg.solve(gram, (sums @ other)[..., None])[..., 0])


class Linear(Chance):
    """A linear bandit on products of the person's features with the item's (Li et al. 2010; Agrawal & Goyal 2013).

        x = [1, state, context] ⊗ [1, item],   θ = A⁻¹ b,   A = ridge I + Σ x xᵀ,   b = Σ r x

    LinUCB shows the largest θ·x + α √(xᵀ A⁻¹ x); Thompson sampling the largest θ'·x, θ' ~ N(θ, α² A⁻¹).
    """

    alpha, ridge, sampled = 0.3, 1.0, False

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.epsilon = 0.0  # its own way of exploring
        self.inverse: np.ndarray | None = None
        self.b = np.zeros(0)

    def values(self, seen: Seen) -> Float[np.ndarray, "people some"]:
        """The bound, or the draw."""
        person, item = self._sides(seen)
        p, q = person.shape[1], item.shape[1]
        if self.inverse is None:
            self.inverse, self.b = np.eye(p * q) / self.ridge, np.zeros(p * q)
        theta = self.inverse @ self.b
        if self.sampled:
            root = np.linalg.cholesky((self.inverse + self.inverse.T) / 2)
            theta = theta + self.alpha * root @ self.rng.normal(size=len(theta))
        toward = (person @ theta.reshape(p, q)) @ item.T  # [people, items]
        if self.sampled:
            return np.take_along_axis(toward, seen.candidates, 1)
        # xᵀ A⁻¹ x of every person and item at once: person by person a small matrix over the items' features
        half = np.tensordot(person, self.inverse.reshape(p, q, p, q), (1, 0))  # [people, q, p, q]
        each = np.einsum("uapb,up->uab", half, person, optimize=True)
        spread = np.einsum("uab,uia,uib->ui", each, item[seen.candidates], item[seen.candidates], optimize=True)
        return np.asarray(np.take_along_axis(toward, seen.candidates, 1) + self.alpha * np.sqrt(spread.clip(min=0)))

    def learn(self, came: Came) -> None:
        """A⁻¹ with all new rows at once (Woodbury)."""
        person, item = self._sides(came.seen)
        x = (person[:, :, None] * item[came.item][:, None]).reshape(len(person), -1)
        if self.inverse is None:
            self.inverse, self.b = np.eye(x.shape[1]) / self.ridge, np.zeros(x.shape[1])
        ax = self.inverse @ x.T
        self.inverse = self.inverse - ax @ np.linalg.solve(np.eye(len(x)) + x @ ax, ax.T)
        self.b = self.b + x.T @ came.reward

    def _sides(self, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        one = np.ones((len(seen.candidates), 1))
        return np.concatenate([one, seen.H], 1), np.concatenate([np.ones((len(self.items), 1)), self.items], 1)


class Thompson(Linear):
    """`Linear` with a draw in place of the bound."""

    sampled = True


RIVALS: dict[str, Callable[..., Chance]] = {
    "random": Chance,
    "popular": Popular,
    "linucb": Linear,
    "thompson": Thompson,
    "als": Factors,
}
