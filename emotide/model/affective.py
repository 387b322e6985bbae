"""The whole model: the fused network and its readings, unrolled over the steps of a batch (paper 3.3)."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from emotide.model.batch import Batch, Reports, Step
from emotide.model.behaviour import Behaviour
from emotide.model.fused import Arriving, FusedNetwork, Moved, State
from emotide.model.readings import Readings
from emotide.model.screening import Posts, opened
from emotide.nn.memory import keep_freed_memory

Shown = Callable[[str, Reports], Bool[Tensor, " labels"]]


@runtime_checkable
class Borders(Protocol):
    """Where a network is in parts: how a part comes by the states of the others (`emotide/cluster/borders.py`)."""

    def begun(self, number: int, state: State) -> Arriving:
        """What step `number` reads of other parts is on its way, to be written into the state; this part's is sent."""

    def brought(self, number: int, state: State) -> State:
        """The state with what step `number` reads of other parts; gradients go back the way it came."""


class Followed(NamedTuple):
    """What one step made of the states."""

    step: Step
    before: State  # of the step before
    H: Float[Tensor, "active state"]  # of the active users, with the posts seen and no report of this step
    X: Float[Tensor, "active observed"]  # of the active users
    state: State  # after the step, with the reports fed


class Unrolled(NamedTuple):
    """What the network says in one step about the users who have a post or a label in it."""

    step: Step
    before: State  # of the step before
    state: State  # after the step, with the reports fed
    forecast: Float[Tensor, "asked affect"]  # read with nothing of the step seen
    recognition: Float[Tensor, "asked affect"]  # read with the posts seen
    expected: Float[Tensor, "asked width"]  # the post vector that the silent state expects


class AffectiveModel(nn.Module):
    """The fused network and its readings, of emotions and, where wanted, of behaviour."""

    def __init__(self, network: FusedNetwork, readings: Readings, behaviour: bool = False) -> None:
        super().__init__()
        keep_freed_memory()  # a step wants about as much as the one before it
        self.network, self.readings = network, readings
        self.behaviour = Behaviour(network) if behaviour else None
        self.encoder: nn.Module | None = None  # of the posts, only while it learns with the network

    def follow(
        self,
        batch: Batch,
        vectors: Posts,
        state: State,
        first: int = 0,
        last: int | None = None,
        shown: Shown | None = None,
        owned: bool = False,
    ) -> Iterator[Followed]:
        """Run steps `first` to `last` of a batch from `state` on, but for those that touch nobody and change nothing.

        Args:
            batch: the networks, side by side.
            vectors: of all posts, or a `Screen` that opens some of them.
            state: of the step before `first`.
            first, last: steps of the batch; `last` exclusive, all that are left by default.
            shown: which labels of a space are fed back as reports; none by default.
            owned: whether `state` may be written over, so that a step costs what happens in it, however many people
                there are. It is then `before` and `state` of what is yielded: that before the step until the next is
                asked for, and that after the last step in the end.
        """
        return self.followed(batch.steps(first, last, forecasts=False, idle=False), vectors, state, shown, owned)

    def followed(
        self,
        steps: Iterable[Step],
        vectors: Posts,
        state: State,
        shown: Shown | None = None,
        owned: bool = False,
        borders: Borders | None = None,
    ) -> Iterator[Followed]:
        """`follow` over steps that somebody cut; of a part of a network with its borders, which want an owned state."""
        for step in steps:
            step, table = opened(vectors, state, step)
            arriving = borders.begun(step.number, state) if borders is not None else None
            moved = self.network.advance(state, step.seen, table, arriving)
            after = state if owned else self._after(state, step, moved, shown)
            yield Followed(step, state, moved.H, moved.X, after)
            state = self._after(state, step, moved, shown, owned) if owned else after

    def unroll(
        self,
        batch: Batch,
        vectors: Posts,
        state: State,
        first: int = 0,
        last: int | None = None,
        shown: Shown | None = None,
        owned: bool = False,
    ) -> Iterator[Unrolled]:
        """Steps with the recognition and the forecast of each: what is seen and what is not in one batch."""
        return self.unrolled(batch.steps(first, last), vectors, state, shown, owned)

    def unrolled(
        self,
        steps: Iterable[Step],
        vectors: Posts,
        state: State,
        shown: Shown | None = None,
        owned: bool = False,
        borders: Borders | None = None,
    ) -> Iterator[Unrolled]:
        """`unroll` over steps that somebody cut; where the state is `owned`, it is written over."""
        network = self.network
        for step in steps:
            if borders is not None:
                state = borders.brought(step.number, state)
            step, table = opened(vectors, state, step)
            moved = network.advance(state, step.both, table)
            users, pairs = len(step.seen.user), len(step.seen.pair)
            (seen, quiet), (X, silence) = (part.tensor_split((users,)) for part in (moved.H, moved.X))
            M = state.M.index_select(0, step.silent.user)
            before, state = state, self._after(state, step, Moved(seen, moved.A[:pairs], X), shown, owned)
            H, X = seen.index_select(0, step.place), X.index_select(0, step.place)
            Y = network.read(torch.cat([quiet, H]), torch.cat([M, M]), torch.cat([silence, X]))
            forecast, recognition = Y.chunk(2)
            yield Unrolled(step, before, state, forecast, recognition, network.next_X(quiet))

    def _after(self, state: State, step: Step, moved: Moved, shown: Shown | None, owned: bool = False) -> State:
        """The state after the step, with the reports fed."""
        state = self.network.written(state, step.seen, moved, owned)
        return self.fed(state, step, shown, owned) if shown is not None and step.reports else state

    def fed(self, state: State, step: Step, shown: Shown, owned: bool = False) -> State:
        """The state after what each user reported in the step, in whichever spaces: the mean of the points."""
        users, points = [step.seen.user[:0]], [state.M[:0, :-1]]
        for space in self.readings.trained:
            if space not in step.reports:
                continue
            reports = step.reports[space]
            mask = shown(space, reports)
            users.append(reports.user[mask])
            points.append(self.readings.reported(space, reports.target[mask]))
        user, row = torch.unique(torch.cat(users), return_inverse=True)
        if not len(user):
            return state
        point = torch.cat(points)
        mean = point.new_zeros(len(user), point.shape[1]).index_add(0, row, point)
        return self.network.reported(state, user, mean / row.bincount(minlength=len(user))[:, None], owned)
