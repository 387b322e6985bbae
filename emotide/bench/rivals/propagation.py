"""Sum-product belief propagation between variables in pairs: exact where the graph has no loop (Pearl 1988)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Propagation:
    """Messages along factors of two variables, passed until they agree; messages are in logarithms, factors are not.

    On a tree the beliefs are the exact marginals after as many sweeps as it is long; with loops they are an estimate
    (Murphy, Weiss & Jordan 1999), which damping helps to settle.

    Args:
        source, target: variables that each factor joins.
        local: log-potential of each variable for each category.
        damping: share of the old message kept.
    """

    def __init__(
        self,
        source: Int[Tensor, " edges"],
        target: Int[Tensor, " edges"],
        local: Float[Tensor, "variables names"],
        damping: float = 0.0,
    ) -> None:
        self.source, self.target, self.damping = source, target, damping
        self.local = local
        self.total = local.clone()  # log-potential of each variable plus all messages that reached it
        self.forth = local.new_zeros(len(source), local.shape[1])  # messages to the targets
        self.back = torch.zeros_like(self.forth)  # messages to the sources

    def replace(self, local: Float[Tensor, "variables names"]) -> None:
        """Other log-potentials of the variables; the messages stay as they are."""
        self.total += local - self.local
        self.local = local

    def sweep(self, factor: Float[Tensor, "edges names names"], first: int = 0, last: int | None = None) -> None:
        """Every message of the factors `first` to `last` (exclusive) once, both ways, from those before the sweep.

        Args:
            factor: each factor's value, above 0, category of the source × category of the target.
            first, last: which factors.
        """
        part = slice(first, last)
        source, target = self.source[part], self.target[part]
        from_source = self._cavity(source, self.back[part])
        from_target = self._cavity(target, self.forth[part])
        forth = self._damped(torch.bmm(from_source[:, None, :], factor[part])[:, 0], self.forth[part])
        back = self._damped(torch.bmm(factor[part], from_target[:, :, None])[:, :, 0], self.back[part])
        self.total.index_add_(0, target, forth - self.forth[part]).index_add_(0, source, back - self.back[part])
        self.forth[part], self.back[part] = forth, back

    def beliefs(self) -> Float[Tensor, "variables names"]:
        """The probability of each category of each variable."""
        return self.total.softmax(1)

    def pair_beliefs(self, factor: Float[Tensor, "edges names names"]) -> Float[Tensor, "edges names names"]:
        """The probability of each pair of categories of each factor's source and target."""
        from_source, from_target = self._cavity(self.source, self.back), self._cavity(self.target, self.forth)
        whole = from_source[:, :, None] * factor * from_target[:, None, :]
        return whole / whole.sum((1, 2), keepdim=True)

    def _cavity(self, variable: Tensor, message: Tensor) -> Float[Tensor, "edges names"]:
        """What a variable says without what the factor told it."""
        return (self.total.index_select(0, variable) - message).softmax(1)

    def _damped(self, new: Tensor, old: Tensor) -> Tensor:
        mixed = torch.lerp((new / new.sum(1, keepdim=True)).log(), old, self.damping)
        return mixed - mixed.logsumexp(1, keepdim=True)


def evidence(label: Int[Tensor, " variables"], names: int, like: Tensor) -> Float[Tensor, "variables names"]:
    """Log-potentials that leave a variable its label alone; zeros where the label is -1."""
    told = like.new_full((len(label), names), -CERTAIN)
    told.scatter_(1, label.clamp(min=0)[:, None], 0.0)
    return told * (label >= 0)[:, None]


CERTAIN = 1e4  # odds of e^10000: certainty that stays finite
