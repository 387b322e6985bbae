"""A linear regression of rewards on products of state and item, solved exactly as they come (Li et al. 2010)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.errors import BadInput

MOST = 2048  # products: their second moments are a square of this side


class Ridge(nn.Module):
    """Θ of least squares on x = [1, h] ⊗ [1, α], where h and α are the state and the item on their scales.

        A = ridge I + Σ x xᵀ,   vec Θ = A⁻¹ Σ r x,   spread(x) = √(xᵀ A⁻¹ x)

    Buffers alone: saved, copied and put back with the network that it stands beside; no gradient touches them.

    Args:
        state, item: widths.
        ridge: what holds Θ towards nought.
    """

    def __init__(self, state: int, item: int, ridge: float) -> None:
        super().__init__()
        self.sides = state + 1, item + 1
        wide = self.sides[0] * self.sides[1]
        if wide > MOST:
            raise BadInput(f"a linear part of {wide} products of state and item; at most {MOST}: set `linear` to 0")
        self.inverse: Tensor
        self.sums: Tensor
        self.theta: Tensor
        self.register_buffer("inverse", torch.eye(wide, dtype=torch.float64) / ridge)
        self.register_buffer("sums", torch.zeros(wide, dtype=torch.float64))
        self.register_buffer("theta", torch.zeros(self.sides))

    def slopes(self, h: Float[Tensor, "rows state"]) -> Float[Tensor, "rows slopes"]:
        """[1, h] Θ: the intercept and slope of each row over [1, α]."""
        return torch.cat([h.new_ones(len(h), 1), h], 1) @ self.theta

    def add(
        self, h: Float[Tensor, "rows state"], a: Float[Tensor, "rows item"], reward: Float[Tensor, " rows"]
    ) -> None:
        """Take new rows, some hundred at once: A⁻¹ by Woodbury's identity."""
        for k in range(0, len(h), 512):
            left, right = (_with_one(part[k : k + 512]).double() for part in (h, a))
            x = (left[:, :, None] * right[:, None]).flatten(1)
            ax = self.inverse @ x.T
            self.inverse -= ax @ torch.linalg.solve(torch.eye(len(x), dtype=x.dtype) + x @ ax, ax.T)
            self.sums += x.T @ reward[k : k + 512].double()
        self.theta.copy_((self.inverse @ self.sums).view(self.sides))

    def spread(self, h: Float[Tensor, "rows state"], a: Float[Tensor, "rows some item"]) -> Float[Tensor, "rows some"]:
        """√(xᵀ A⁻¹ x) of some items for each row; row by row a small matrix over the items' numbers."""
        p, q = self.sides
        left, right = _with_one(h).double(), _with_one(a.flatten(0, 1)).double().view(*a.shape[:2], q)
        half = (left @ self.inverse.view(p, -1)).view(len(h), q, p, q)
        each = torch.einsum("uapb,up->uab", half, left)
        return (right @ each * right).sum(2).clamp(min=0).sqrt().to(h.dtype)


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat([rows.new_ones(len(rows), 1), rows], 1)
