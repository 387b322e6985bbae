"""The fused network: an emotional state per user, an influence state per pair, each feeding the other (paper 3.3)."""

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from emotide.model.batch import View
from emotide.model.mapped import mapped
from emotide.model.parts import parts, too_large
from emotide.nn import DeepLSTMCell, Gathered, GRUCell, Part, Residual, SegmentAttention, ShortcutPlan, segment_sum
from emotide.nn.dropout import dropout
from emotide.nn.known import known_or
from emotide.nn.shortcuts import Shortcuts

Module = Literal["f_AT", "f_A", "f_G", "f_H", "f_P", "f_Y"]
MODULES: tuple[Module, ...] = get_args(Module)
PAD = 3  # the first coordinates of the affect vector: pleasure, arousal, dominance


class NetworkConfig(BaseModel, frozen=True, extra="forbid"):
    """Sizes of the fused network (paper 3)."""

    state: int = Field(96, ge=4, description="width of the emotional state H of a user")
    influence: int = Field(24, ge=2, description="width of the influence state A of a pair")
    observed: int = Field(96, ge=4, description="width of the observation X and of the received influence R")
    affect: int = Field(19, ge=4, description="width of the affect vector Y; pleasure, arousal, dominance come first")
    width: int = Field(128, ge=4, description="width of the hidden layers of the users' networks")
    pair_width: int = Field(48, ge=4, description="width of the hidden layers of the pairs' networks")
    depth: int = Field(2, ge=1, description="hidden layers of each network")
    plan: Literal["none", "regular", "dense"] | dict[Module, Shortcuts] = Field(
        "regular",
        description="shortcuts of each network: a name, or the shortcuts of some of the modules f_AT, f_A, f_G, f_H, "
        "f_P, f_Y as [from, to] layers, the others being regular",
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="share of hidden units dropped in training")
    normalised: bool = Field(
        False, description="whether hidden layers are normalised in front of the nonlinearity; states never are"
    )
    update_bias: float = Field(
        -1.0, description="where the update gate of an emotional state starts: below 0 it keeps more than it takes in"
    )
    shortcut_dropout: float = Field(
        0.5, ge=0, le=1, description="share of readings in training that see a post through the state alone"
    )
    heads: int = Field(2, ge=1, description="softmaxes of each attention; `observed` is a multiple of it")
    cell: Literal["deep", "gru"] = Field("deep", description="deep LSTM cells, or plain GRU cells in their place")
    neighbours: bool = Field(True, description="whether anybody's state reaches anybody else")
    attention: bool = Field(True, description="whether posts and neighbours are weighed, or plainly averaged")
    said: bool = Field(True, description="whether what was said in a contact is part of the contact")
    reciprocal: bool = Field(True, description="whether a pair's influence sees that of the other way round")
    memory: bool = Field(True, description="whether a reading starts from the last report")
    input_dropout: float = Field(0.3, ge=0, lt=1, description="share of a post's vector dropped in training")

    def depth_of(self, module: Module) -> int:
        """Hidden layers of the networks of a module."""
        return self.depth if module in ("f_H", "f_Y") else 1

    def plan_of(self, module: Module) -> ShortcutPlan:
        """The shortcuts of the networks of a module."""
        plan = self.plan if isinstance(self.plan, str) else self.plan.get(module, "regular")
        return ShortcutPlan.of(plan, self.depth_of(module))

    def stack(self, module: Module) -> dict[str, Any]:
        """Depth and shortcuts of the networks of a module, as `DeepLSTMCell` and `SegmentAttention` take them."""
        return {"depth": self.depth_of(module), "plan": self.plan_of(module).shortcuts}

    @model_validator(mode="after")
    def _plans_fit(self) -> "NetworkConfig":
        for module in MODULES:
            self.plan_of(module)
        return self


class State(NamedTuple):
    """Everything the network remembers, as a value: a step takes one and gives the next."""

    H: Float[Tensor, "users state"]  # emotional state
    A: Float[Tensor, "pairs influence"]  # influence state, source on target
    M: Float[Tensor, "users memory"]  # affect point of the last report, and whether there was one


class Moved(NamedTuple):
    """What a step makes of the active users and pairs."""

    H: Float[Tensor, "active state"]
    A: Float[Tensor, "pairs influence"]
    X: Float[Tensor, "active observed"]  # the observation; that of silence for whom wrote nothing


class Arriving(NamedTuple):
    """States of other parts of a network that are on their way, see `emotide/cluster/borders.py`."""

    here: int  # rows of the state table below this are of users who need nobody's state but of their own part
    wait: Callable[[], None]  # once it returns, the tables of the state hold them


def elapsed_code(elapsed: Float[Tensor, " rows"]) -> Float[Tensor, "rows 4"]:
    """A small encoding of the steps since a state last changed; a state that never changed has its own."""
    known = elapsed.clamp(min=0)
    never = (elapsed < 0).to(elapsed.dtype)
    code = torch.stack([known.log1p() / 4, (-known / 2).exp(), (-known / 14).exp()], 1) * (1 - never)[:, None]
    return torch.cat([code, never[:, None]], 1)


class FusedNetwork(nn.Module):
    """One large recurrent network over all users and all pairs (paper 3.3).

        X[i,t]   = f_AT({posts of i in step t}, H[i,t-1])
        A[j→i,t] = f_A(A[j→i,t-1]; H[i,t-1], H[j,t-1], I[j→i,t])
        R[i,t]   = f_G({(H[j,t-1], A[j→i,t])})
        H[i,t]   = f_H(H[i,t-1]; X[i,t], R[i,t])
        Y[i,t]   = f_Y(H[i,t], X[i,t])

    The contact I holds how often and in which ways the two were in touch, either way round, how exclusively j turned to
    i, what j said (X[j,t], if j was in touch with i in the step), and A[i→j,t-1], the influence the other way round.
    f_Y sees X beside H: a shortcut around the cell, whose gate lets in but a part of what is new. In training it is cut
    for a share of the rows, so that the state has to hold what was said too. A report is an observation too, fed to H
    after the step has been read: H[i,t] ← f_P(H[i,t]; report).

    Args:
        config: sizes.
        vector: width of a post's vector.
        kinds: width of the contacts of a pair, I.
    """

    def __init__(self, config: NetworkConfig, vector: int, kinds: int) -> None:
        super().__init__()
        c, time = config, 4
        self.config = config
        small: dict[str, Any] = {"width": c.pair_width, "dropout": c.dropout, "normalised": c.normalised}
        deep: dict[str, Any] = {**small, "width": c.width}
        weighing: dict[str, Any] = {"heads": c.heads, "uniform": not c.attention}
        contact = (kinds + 1, *([c.observed] if c.said else []), *([c.influence] if c.reciprocal else []))
        seen = (c.observed, c.observed, 3, time)
        self.f_AT = SegmentAttention(c.state, (vector,), c.observed, **deep, **c.stack("f_AT"), **weighing)
        self.f_A = self._cell("f_A", c.influence, (c.state, c.state, *contact, time), small)
        self.f_G = SegmentAttention(c.state, (c.state, c.influence), c.observed, **small, **c.stack("f_G"), **weighing)
        self.f_H = self._cell("f_H", c.state, seen, {**deep, "update_bias": c.update_bias})
        self.f_P = self._cell("f_P", c.state, (c.affect,), small)
        shortcuts = c.plan_of("f_Y")
        self.f_Y = Residual((c.state, c.affect + 1, c.observed), c.affect, depth=c.depth, plan=shortcuts, **deep)
        self.keep = nn.Linear(c.state + 1, 1)
        nn.init.constant_(self.keep.bias, 3.0)
        self.next_X = Residual((c.state,), vector, depth=1, **deep)
        self.H_0 = nn.Parameter(torch.zeros(c.state))
        self.A_0 = nn.Parameter(torch.zeros(c.influence))

    def _cell(
        self, module: Module, state: int, inputs: tuple[int, ...], sizes: dict[str, Any]
    ) -> DeepLSTMCell | GRUCell:
        if self.config.cell == "gru":
            return GRUCell(state, inputs)
        return DeepLSTMCell(state, inputs, **sizes, **self.config.stack(module))

    def initial(self, users: int, pairs: int, folder: Path | None = None) -> State:
        """The state of people and pairs of whom nothing is known.

        Args:
            users, pairs: how many.
            folder: where the tables are files mapped into memory, so that they may be larger than it is, and rows that
                no step touches are not held; new tables there take the place of older ones. In memory where None. Of
                use where a state is `owned`: whoever copies a table, copies it into memory.
        """
        none = self.H_0.new_zeros(self.config.affect + 1)
        starts = {"H": (self.H_0, users), "A": (self.A_0, pairs), "M": (none, users)}
        if folder is None:
            return State(**{name: row.expand(rows, -1).clone() for name, (row, rows) in starts.items()})
        folder.mkdir(parents=True, exist_ok=True)
        return State(**{name: mapped(folder / name, row, rows) for name, (row, rows) in starts.items()})

    def advance(
        self, state: State, view: View, vectors: Float[Tensor, "vectors width"], arriving: Arriving | None = None
    ) -> Moved:
        """The states of the view's users and pairs after the step; nothing is written.

        Args:
            state: of step t - 1.
            view: of step t.
            vectors: of all posts; the view's `post` are rows of it.
            arriving: states that are waited for, once everybody was moved who does not need them.
        """
        H, X = self._heard(state, view, vectors)
        here = int((view.user < arriving.here).sum()) if arriving else 0  # users stand in order
        some = parts(view, here)
        ends = tuple(accumulate(len(part.view.user) for part in some[:-1]))
        if arriving and not here:
            arriving.wait()
        said, late = (X, arriving) if here else (self._said(state, view, vectors, X), None)
        if len(some) == 1 and not late:
            return Moved(*self._moved(state, view, H, X, said), X)
        moved = []
        for begin, part, mine, seen in zip((0, *ends), some, H.tensor_split(ends), X.tensor_split(ends), strict=True):
            if late and begin + len(mine) > here:
                late.wait()
                said, late = self._said(state, view, vectors, X), None
            asked = (state, part.view, mine, seen, said.index_select(0, part.speakers))
            # what is between is computed again for the gradient, so that one part's is in memory at once
            again = torch.is_grad_enabled() and too_large(view)
            moved.append(checkpoint(self._moved, *asked, use_reentrant=False) if again else self._moved(*asked))
        if late:
            late.wait()  # nobody of this step needs them
        return Moved(torch.cat([H for H, _ in moved]), torch.cat([A for _, A in moved]), X)

    def _moved(self, state: State, view: View, H: Tensor, X: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
        """H[t] of the view's users and A[t] of its pairs; `said` holds the X that `view.spoke` points at."""
        if self.config.neighbours:
            Hj, A = self._pairs(state, view, H, said)
            R = self.f_G(H, view.target, Hj, A, chance=view.chance)
        else:
            A, R = state.A.index_select(0, view.pair), self.f_G.empty.expand(len(H), -1)
        return self.f_H(H, X, R, view.counts, elapsed_code(view.elapsed)), A

    def with_and_without(
        self, state: State, view: View, vectors: Float[Tensor, "vectors width"]
    ) -> tuple[Float[Tensor, "pairs state"], Float[Tensor, "pairs state"]]:
        """For every pair the target's state after the step, and as it would be had that one neighbour not been there.

        The attention over the others is the same sum without one term: R₋j = (R − α_j v_j) / (1 − α_j).
        """
        if not self.config.neighbours:
            real = self.advance(state, view, vectors).H.index_select(0, view.target)
            return real, real
        H, X = self._heard(state, view, vectors)
        Hj, A = self._pairs(state, view, H, X)
        weight, value = self.f_G.rows(H, view.target, Hj, A, chance=view.chance)
        share = self.f_G.weighed(weight, torch.ones_like(value))
        said = segment_sum(share * value, view.target, len(H))
        rest = said.index_select(0, view.target) - share * value
        without = torch.where(share > 1 - 1e-6, self.f_G.empty, rest / (1 - share).clamp(min=1e-6))
        time = elapsed_code(view.elapsed)
        R = torch.where(self.f_G.occupied(view.target, len(H))[:, None], said, self.f_G.empty)
        real = self.f_H(H, X, R, view.counts, time).index_select(0, view.target)
        of_pair = (part.index_select(0, view.target) for part in (H, X, view.counts, time))
        Ht, Xt, counts, time = of_pair
        return real, self.f_H(Ht, Xt, without, counts, time)

    def written(self, state: State, view: View, moved: Moved, owned: bool = False) -> State:
        """The state with what a step made of its users and pairs; where it is `owned`, it is written over."""
        H, A = _copied(state.H, view.user, moved.H, owned), _copied(state.A, view.pair, moved.A, owned)
        return State(H, A, state.M)

    def reported(
        self, state: State, user: Int[Tensor, " reports"], point: Float[Tensor, "reports affect"], owned: bool = False
    ) -> State:
        """The state after these users' reports, given as points of affect space; each user at most once."""
        H = self.f_P(state.H.index_select(0, user), point)
        M = torch.cat([point, point.new_ones(len(point), 1)], 1) * self.config.memory
        return State(_copied(state.H, user, H, owned), state.A, _copied(state.M, user, M, owned))

    def read(
        self,
        H: Float[Tensor, "rows state"],
        M: Float[Tensor, "rows memory"],
        X: Float[Tensor, "rows observed"] | None = None,
    ) -> Float[Tensor, "rows affect"]:
        """The affect vector Y: what state and observation say, and as much of the last report as still holds.

        Without X it is read as in a step in which nobody writes. Persistence is where a reading starts; `keep` learns
        when to leave it.
        """
        silence = self.f_AT.empty.expand(len(H), -1)
        if X is None or self.config.shortcut_dropout == 1:
            X = silence
        elif self.training:
            seen = torch.rand(len(H), 1, device=H.device) >= self.config.shortcut_dropout
            X = torch.where(seen, X, silence)
        still = functional.softplus(self.keep(torch.cat([H, M[:, -1:]], 1)))
        Y: Tensor = self.f_Y(H, M, X) + still * M[:, :-1]
        return Y

    def _heard(self, state: State, view: View, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """H[t-1] and X[t] of the view's users."""
        H, posts = state.H.index_select(0, view.user), vectors.index_select(0, view.post)
        posts = dropout(posts, self.config.input_dropout, self.training)
        return H, self.f_AT(H, view.owner, posts, chance=view.opened)

    def _said(self, state: State, view: View, vectors: Tensor, X: Tensor) -> Tensor:
        """X[t] of all who can be heard: of the view's users, then of its guests."""
        if view.guests is None or not len(view.guests.user):
            return X
        H, posts = state.H.index_select(0, view.guests.user), vectors.index_select(0, view.guests.post)
        posts = dropout(posts, self.config.input_dropout, self.training)
        return torch.cat([X, self.f_AT(H, view.guests.owner, posts)])

    def _pairs(self, state: State, view: View, H: Tensor, X: Tensor) -> tuple[Gathered, Tensor]:
        """H[t-1] of the sources of the view's pairs, and A[t]."""
        Hi, Hj = Gathered(H, view.target), Gathered(state.H.index_select(0, view.near), view.source)
        contact: list[Part] = [view.kinds]
        if self.config.said:
            silence = X.new_zeros(1, X.shape[1])
            contact.append(Gathered(torch.cat([X, silence]), torch.where(view.spoke < 0, len(X), view.spoke)))
        if self.config.reciprocal:
            contact.append(known_or(state.A, view.back, self.A_0))
        A = self.f_A(state.A.index_select(0, view.pair), Hi, Hj, *contact, elapsed_code(view.pair_elapsed))
        return Hj, A


def _copied(table: Tensor, rows: Tensor, new: Tensor, owned: bool) -> Tensor:
    """The table with new rows, or that table itself, written over."""
    return table.index_copy_(0, rows, new) if owned else table.index_copy(0, rows, new)
