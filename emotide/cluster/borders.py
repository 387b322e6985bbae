"""What a part reads of the others before a step is brought, and what they read of it is sent (DESIGN 8).

A state is sent when a step first reads it after it changed, and not again until it changes anew: the tables of a part
have rows for its guests too. All lists were made when the timeline was cut. Where gradients are wanted, those of rows
that were brought go back to where these came from, in the reverse order of the steps.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotide.cluster.part import LINES, Part
from emotide.cluster.peers import Peers
from emotide.model import State
from emotide.model.fused import Arriving
from emotide.model.window import Window

KINDS = ("user", "pair")  # rows of H, rows of A
Lists = dict[int, tuple[Tensor, Tensor]]  # other part -> rows of H, rows of A


class PartBorders:
    """The borders of a part (`emotide.model.affective.Borders`).

    Args:
        part: whose lines are followed.
        peers: the other parts.
        device: of the states.
        overlapping: whether those who need nobody are moved while states are on their way.
    """

    def __init__(self, part: Part, peers: Peers, device: torch.device | str = "cpu", overlapping: bool = True) -> None:
        self.part, self.peers, self.overlapping = part, peers, overlapping
        self.end = part.first_step + part.steps
        self.window: Window | None = None  # states are rows of the window's short tables
        self.token = torch.zeros((), device=device)  # what binds exchanges into an order
        self._rows = {name: torch.from_numpy(part.lines[name][2].astype(np.int64)).to(device) for name in LINES}
        asked = np.arange(part.first_step * part.parts, (self.end + 1) * part.parts + 1)
        self._bounds = {
            name: np.searchsorted(line[0].astype(np.int64) * part.parts + line[1], asked)
            for name, line in part.lines.items()
        }

    def begun(self, number: int, state: State) -> Arriving:
        """What step `number` reads of other parts is on its way, to be written into the state; this part's is sent."""
        give, take = self.lists("give", number), self.lists("take", number)
        width = widths(state)
        out = [(other, packed(state, rows)) for other, rows in give.items()]
        into = [(other, state.H.new_empty(size(rows, width))) for other, rows in take.items()]
        wait = self.peers.trade(2 * number, out, into)

        def done() -> None:
            wait()
            for other, flat in into:
                for table, rows, new in zip(
                    (state.H, state.A), take[other], unpacked(flat, take[other], width), strict=True
                ):
                    table.index_copy_(0, rows, new)

        if not into or not self.overlapping:
            done()
            return Arriving(0, lambda: None)
        return Arriving(self.part.inner, done)

    def brought(self, number: int, state: State) -> State:
        """The state with what step `number` reads of other parts; gradients go back the way it came."""
        give, take = self.lists("give", number), self.lists("take", number)
        if not give and not take:
            return state
        width = widths(state)
        out = [packed(state, rows) for rows in give.values()]
        sizes = [size(rows, width) for rows in take.values()]
        trade = _Asked(self.peers, number, tuple(give), tuple(take), [len(flat) for flat in out], sizes)
        given = torch.cat(out) if out else state.H.new_zeros(0)
        taken, self.token = _Trade.apply(self.token, given, trade)  # type: ignore[no-untyped-call]
        H, A = state.H, state.A
        for rows, flat in zip(take.values(), torch.split(taken, sizes), strict=True):
            new_H, new_A = unpacked(flat, rows, width)
            if torch.is_grad_enabled():
                H, A = H.index_copy(0, rows[0], new_H), A.index_copy(0, rows[1], new_A)
            else:  # nobody looks back at the state before
                H.index_copy_(0, rows[0], new_H), A.index_copy_(0, rows[1], new_A)
        return State(H, A, state.M)

    def begin(self, like: Tensor, wanted: bool) -> None:
        """A new run of steps through which gradients flow; `wanted` or not."""
        self.token = like.new_zeros((), requires_grad=wanted)

    def rows(self, first: int, last: int) -> tuple[list[Tensor], list[Tensor]]:
        """The rows of H and of A here that steps `first` to `last` (exclusive) exchange."""
        users, pairs = (
            [
                self._rows[f"{side}_{kind}"][slice(*self._bounds[f"{side}_{kind}"][self._places(first, last)])]
                for side in ("give", "take")
            ]
            for kind in KINDS
        )
        return users, pairs

    def lists(self, side: str, number: int) -> Lists:
        """Other part -> rows of H and of A that are given, or taken, before a step."""
        begin = self._places(number, number)[0]
        found: Lists = {}
        bounds = [self._bounds[f"{side}_{kind}"][begin : begin + self.part.parts + 1] for kind in KINDS]
        for other in range(self.part.parts):
            rows = [
                self._rows[f"{side}_{kind}"][at[other] : at[other + 1]] for kind, at in zip(KINDS, bounds, strict=True)
            ]
            if len(rows[0]) or len(rows[1]):
                found[other] = self._placed(rows[0], rows[1])
        return found

    def _places(self, first: int, last: int) -> list[int]:
        """Where the lists of steps begin; those of a step beyond the end are the last of all."""
        return [(min(number, self.end) - self.part.first_step) * self.part.parts for number in (first, last)]

    def _placed(self, users: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        window = self.window
        return (users, pairs) if window is None else (window.users.place(users), window.pairs.place(pairs))


class _Asked:
    """An exchange before a step, and the same backwards."""

    def __init__(
        self, peers: Peers, number: int, give: tuple[int, ...], take: tuple[int, ...], out: list[int], into: list[int]
    ) -> None:
        self.peers, self.number, self.give, self.take, self.out, self.into = peers, number, give, take, out, into

    def there(self, given: Tensor) -> Tensor:
        return self._traded(2 * self.number, given, (self.give, self.out), (self.take, self.into))

    def back(self, slope: Tensor) -> Tensor:
        return self._traded(2 * self.number + 1, slope, (self.take, self.into), (self.give, self.out))

    def _traded(
        self, tag: int, flat: Tensor, out: tuple[tuple[int, ...], list[int]], into: tuple[tuple[int, ...], list[int]]
    ) -> Tensor:
        got = flat.new_empty(sum(into[1]))
        give = list(zip(out[0], torch.split(flat.contiguous(), out[1]), strict=True))
        self.peers.trade(tag, give, list(zip(into[0], torch.split(got, into[1]), strict=True)))()
        return got


class _Trade(torch.autograd.Function):
    """Rows go to other parts, and rows of theirs come; slopes go back.

    The token makes the slopes of a step's exchange wait for those of all later steps, and be exchanged even where
    nothing of them is wanted here: the others wait for them.
    """

    @staticmethod
    def forward(ctx: Any, token: Tensor, given: Tensor, asked: _Asked) -> tuple[Tensor, Tensor]:
        ctx.asked = asked
        return asked.there(given.detach()), token.clone()

    @staticmethod
    def backward(ctx: Any, slope: Tensor, token: Tensor) -> tuple[Tensor, Tensor, None]:
        return token, ctx.asked.back(slope), None


def widths(state: State) -> tuple[int, int]:
    """Of H and A."""
    return state.H.shape[1], state.A.shape[1]


def size(rows: tuple[Tensor, Tensor], width: tuple[int, int]) -> int:
    """How many numbers these rows of H and A are."""
    return len(rows[0]) * width[0] + len(rows[1]) * width[1]


def packed(state: State, rows: tuple[Tensor, Tensor]) -> Tensor:
    """Rows of H and A in one row of numbers."""
    return torch.cat([state.H.index_select(0, rows[0]).reshape(-1), state.A.index_select(0, rows[1]).reshape(-1)])


def unpacked(flat: Tensor, rows: tuple[Tensor, Tensor], width: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """What `packed` packed."""
    H, A = torch.split(flat, [len(rows[0]) * width[0], len(rows[1]) * width[1]])
    return H.view(len(rows[0]), width[0]), A.view(len(rows[1]), width[1])
