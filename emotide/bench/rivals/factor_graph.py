"""A dynamic factor graph in the manner of MoodCast (Tang et al. 2012), learned by maximum likelihood.

    log P(y | x) = Σ α(y_i^t) · x_i^t + Σ e^(−gap/τ) β(y_i^t', y_i^t) + Σ e^(−gap/τ) γ_k(y_j^t', y_i^t) / n_i + constant

The first sum is the attribute factors, the second the temporal ones (a user's variables before), the third the social
ones: γ_met for a neighbour who was in touch in the step, γ_near for the others, over n_i neighbours. MoodCast samples
(Metropolis-Hastings) where this passes messages (`propagation.py`), and has one weight per user and pair on the squared
difference of two classes, where this has a table of weights for each two categories.

A forecast is a leaf on the same graph: nothing of its step is seen, so it has weights of its own for what was known.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn import functional

from emotide.bench.rivals.graph import KINDS, Edges, Variables
from emotide.bench.rivals.propagation import Propagation, evidence


class FactorGraphConfig(BaseModel, frozen=True, extra="forbid"):
    """What a person decides about the factor graph."""

    components: int = Field(64, ge=0, description="principal components of a post among the attributes")
    order: int = Field(3, ge=1, le=7, description="variables of the same user before, of which each has a factor")
    decay: float = Field(8.0, gt=0, description="steps in which a temporal or social factor fades to 1/e")
    penalty: float = Field(1e-2, ge=0, description="weight of the squared weights")
    objective: Literal["joint", "past"] = Field(
        "joint", description="likelihood of all labels together, or of each given its step and the labels before"
    )
    rare: float = Field(0.5, ge=0, le=1, description="answers are divided by the class frequency to this power")
    iterations: int = Field(80, ge=1, description="steps of Adam, all variables in each; shorter and shorter")
    learning_rate: float = Field(0.1, gt=0)
    damping: float = Field(0.2, ge=0, lt=1, description="share of the old message kept")
    lag: int = Field(8, ge=1, description="steps back to which what is new in a step is heard")
    sweeps: int = Field(4, ge=1, description="times that messages are passed once a step was added or weights moved")


@dataclass(frozen=True)
class Factors:
    """Edges as tensors."""

    source: Int[Tensor, " edges"]
    target: Int[Tensor, " edges"]
    kind: Int[Tensor, " edges"]
    weight: Float[Tensor, " edges"]  # decayed, and shared by the neighbours

    @classmethod
    def of(cls, edges: Edges, config: FactorGraphConfig) -> "Factors":
        """Those that the order leaves."""
        kept = edges.where(edges.rank <= config.order)
        weight = np.exp(-kept.gap / config.decay) * kept.share
        source, target, kind = (torch.from_numpy(column) for column in (kept.source, kept.target, kept.kind))
        return cls(source, target, kind, torch.from_numpy(weight.astype(np.float32)))

    def where(self, kept: Tensor) -> "Factors":
        """Some of them."""
        return Factors(self.source[kept], self.target[kept], self.kind[kept], self.weight[kept])

    def potential(self, tables: Float[Tensor, "kinds names names"]) -> Float[Tensor, "edges names names"]:
        """The log-potential of each."""
        return self.weight[:, None, None] * tables[self.kind]


class FactorGraph:
    """The graph of one log with its weights.

    Args:
        data: variables and edges.
        names: how many categories.
        config: what a person decides.
    """

    def __init__(self, data: Variables, names: int, config: FactorGraphConfig) -> None:
        self.data, self.names, self.config = data, names, config
        wide = min(config.components, data.vectors.shape[1])
        one, posts, earlier = np.ones((len(data.step), 1)), data.vectors[:, :wide], data.earlier[:, :wide]
        spoke = [posts.any(1, keepdims=True), earlier.any(1, keepdims=True)]
        self.seen = torch.from_numpy(np.hstack([one, data.since, data.counts, spoke[0], posts]).astype(np.float32))
        self.silent = torch.from_numpy(np.hstack([one, data.since, spoke[1], earlier]).astype(np.float32))
        self.label = torch.from_numpy(data.label)
        self.factors, self.leaves = Factors.of(data.edges, config), Factors.of(data.silent, config)
        self.weights = {
            "seen": torch.zeros(self.seen.shape[1], names),  # α
            "seen_tables": torch.zeros(len(KINDS), names, names),  # β and γ
            "silent": torch.zeros(self.silent.shape[1], names),  # α of a forecast
            "silent_tables": torch.zeros(len(KINDS), names, names),
        }

    def learn(self) -> None:
        """Maximum likelihood of the training part's labels, and of each as a forecast, by Adam on all of them.

        The gradient of the likelihood of all together is what the factors count where the labels are given, less what
        they are expected to count where none is; both expectations are of the beliefs.
        """
        taught = torch.from_numpy(self.data.taught)
        shown = torch.where(taught, self.label, -1)
        factors = self.factors.where(torch.from_numpy(self.data.learned)[self.factors.target])
        told, start = evidence(shown, self.names, self.seen), torch.zeros(len(self.seen), self.names)
        free, given = (
            Propagation(factors.source, factors.target, start + more, self.config.damping) for more in (0.0, told)
        )
        for weight in self.weights.values():
            weight.requires_grad_()
        optimizer = torch.optim.Adam(self.weights.values(), self.config.learning_rate)
        for done in range(self.config.iterations):
            optimizer.param_groups[0]["lr"] = self.config.learning_rate * (1 - done / self.config.iterations)
            optimizer.zero_grad()
            loss = self._alone(self.leaves, "silent", taught)
            if self.config.objective == "joint":
                loss = loss + self._joint(factors, free, given, told)
            else:
                loss = loss + self._alone(self.factors, "seen", taught)
            squares = torch.stack([weight.square().sum() for weight in self.weights.values()]).sum()
            torch.autograd.backward(loss / taught.sum() + self.config.penalty / 2 * squares)
            optimizer.step()
        for weight in self.weights.values():
            weight.requires_grad_(False)

    def _joint(self, factors: Factors, free: Propagation, given: Propagation, told: Tensor) -> Tensor:
        """A value whose gradient is that of the negative log-likelihood of all labels together."""
        local, potential = self.seen @ self.weights["seen"], factors.potential(self.weights["seen_tables"])
        with torch.no_grad():
            factor = potential.exp()
            for graph, more in ((free, 0.0), (given, told)):
                graph.replace(local.detach() + more)
                for _ in range(self.config.sweeps):
                    graph.sweep(factor)
            node = free.beliefs() - given.beliefs()
            pair = free.pair_beliefs(factor) - given.pair_beliefs(factor)
        return (node * local).sum() + (pair * potential).sum()

    def _alone(self, factors: Factors, name: str, taught: Tensor) -> Tensor:
        """The negative log-likelihood of each label, given the labels of the training part that it hangs on."""
        attributes = {"seen": self.seen, "silent": self.silent}[name]
        told = factors.where(taught[factors.target] & taught[factors.source])
        said = told.weight[:, None] * self.weights[f"{name}_tables"][told.kind, self.label[told.source]]
        local = (attributes @ self.weights[name]).index_add(0, told.target, said)
        return functional.cross_entropy(local[taught], self.label[taught], reduction="sum")

    @torch.no_grad()
    def read(self, known: bool, until: int | None = None) -> tuple[Tensor, Tensor]:
        """Recognition and forecast of every variable, each from the graph of nothing later.

        Steps are added one by one. A step's forecasts hang on the graph of the steps before; then its variables and
        factors join, and messages are passed among the last `lag` steps; the older ones stay as they are.

        Args:
            known: whether each label is told once its step has been read.
            until: the last step wanted.

        Returns:
            probabilities, variables × names, twice.
        """
        local, factors, leaves = self.seen @ self.weights["seen"], self.factors, self.leaves
        factor = factors.potential(self.weights["seen_tables"]).exp()
        silent = leaves.potential(self.weights["silent_tables"])
        graph = Propagation(factors.source, factors.target, local, self.config.damping)
        told = evidence(self.label, self.names, local)
        foreseen = self.silent @ self.weights["silent"]
        recognized = local.clone()
        steps, start = np.unique(self.data.step, return_index=True)
        ends = np.append(start[1:], len(self.data.step))
        bound, leaf_bound = (
            np.searchsorted(part.target.numpy(), np.append(start, len(self.data.step))) for part in (factors, leaves)
        )
        for k, step in enumerate(steps.tolist()):
            if until is not None and step > until:
                break
            here, part = slice(start[k], ends[k]), slice(leaf_bound[k], leaf_bound[k + 1])
            message = (graph.total[leaves.source[part]][:, :, None] + silent[part]).logsumexp(1)
            foreseen.index_add_(0, leaves.target[part], message - message.logsumexp(1, keepdim=True))
            first = bound[np.searchsorted(steps, step - self.config.lag, side="right")]
            for _ in range(self.config.sweeps):
                graph.sweep(factor, int(first), int(bound[k + 1]))
            recognized[here] = graph.total[here]
            if known:
                graph.total[here] += told[here]
        return recognized.softmax(1), foreseen.softmax(1)
