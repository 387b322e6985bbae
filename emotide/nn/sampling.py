"""Some rows out of many, without replacement, each with a chance that is known exactly (paper 2; DESIGN 3.6).

    π_r = min(1, c · size_r),   Σ π = budget          chances in proportion to sizes
    rows are laid end to end, each as long as its chance; taken is who holds a point u, u + 1, u + 2, …   u ~ U[0, 1)

This is systematic sampling (Madow 1949) in an order drawn at random within each owner (Hartley & Rao 1962). A row of
length π holds a point with probability π, whatever the order, and an owner whose chances sum to s gets ⌊s⌋ or ⌈s⌉ rows.
So Σ over the taken of x / π is an unbiased estimate of Σ over all of x (Horvitz & Thompson 1952).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def inclusion(size: Float[Tensor, " rows"], budget: int) -> Float[Tensor, " rows"]:
    """π, the chance of each row, in proportion to its size and at most 1; they sum to the budget (float64).

    Args:
        size: above 0.
        budget: of how many rows are taken; all where there are no more.
    """
    if budget >= len(size):
        return torch.ones(len(size), dtype=torch.float64, device=size.device)
    ordered, order = size.double().sort(descending=True)
    sure = torch.arange(len(size), device=size.device)
    rest = ordered.flip(0).cumsum(0).flip(0)  # of the sizes from here on
    c = (budget - sure).clamp(min=0) / rest  # were all before this row sure
    first = int((c * ordered <= 1).int().argmax())  # row that is not sure; c of the ones before is too large for them
    chance = (c[first] * ordered).clamp(max=1)
    chance[:first] = 1
    return torch.empty_like(chance).index_copy_(0, order, chance)


def systematic(chance: Float[Tensor, " rows"], order: Int[Tensor, " rows"], start: float) -> Int[Tensor, " taken"]:
    """The rows that hold a point, in ascending order.

    Args:
        chance: π, float64.
        order: in which the rows are laid end to end; those of one owner together, if each shall get its share.
        start: u, the first point.
    """
    sure = chance >= 1
    order = order[~sure[order]]  # a sure row would only shift the others by 1
    end = chance[order].cumsum(0)
    points = (torch.cat([end.new_zeros(1), end]) - start).ceil()  # how many lie before the end of each
    points[-1:] = points[-1:].clamp(max=round(float(end[-1]))) if len(end) else points[-1:]
    taken = order[points.diff() > 0]
    return torch.cat([torch.nonzero(sure).flatten(), taken]).sort().values


def sample(
    chance: Float[Tensor, " rows"], owner: Int[Tensor, " rows"], generator: torch.Generator
) -> Int[Tensor, " taken"]:
    """Rows drawn with these chances, which sum to a whole number; the rows of one owner are laid side by side."""
    drawn = torch.rand(len(chance), dtype=torch.float64, generator=generator).to(chance.device)
    start = float(torch.rand(1, dtype=torch.float64, generator=generator))
    return systematic(chance, torch.argsort(owner + drawn), start)


def best(score: Float[Tensor, " rows"], owner: Int[Tensor, " rows"], budget: int) -> Int[Tensor, " taken"]:
    """The rows of the highest scores, each owner's best before any second one; ascending."""
    order = torch.argsort(score, descending=True, stable=True)
    order = order[torch.argsort(owner[order], stable=True)]  # by owner, the best first
    mine = owner[order]
    begins = torch.ones(len(order), dtype=torch.bool, device=order.device)
    begins[1:] = mine[1:] != mine[:-1]
    first = order[begins]
    if budget <= len(first):
        return first[torch.argsort(score[first], descending=True, stable=True)[:budget]].sort().values
    rest = order[~begins]
    more = rest[torch.argsort(score[rest], descending=True, stable=True)[: budget - len(first)]]
    return torch.cat([first, more]).sort().values
