"""Dropout from random bytes: eight masks a draw, where torch draws each by itself."""

import torch
from torch import Tensor

BYTE = 256
LEAST = torch.iinfo(torch.int64).min  # so that all 64 bits of a draw are random


def mask(like: Tensor, share: float) -> Tensor:
    """1 / kept for what is kept, and 0 for a share of all, to the nearest 256th, in the shape of `like`."""
    dropped = min(round(share * BYTE), BYTE - 1)
    drawn = torch.empty(-(-like.numel() // 8), dtype=torch.int64, device=like.device).random_(LEAST, None)
    drawn = drawn.view(torch.uint8)[: like.numel()].view(like.shape)
    kept = torch.ge(drawn, dropped, out=torch.empty_like(like))  # no mask of bools between: it would cost as much again
    return kept.mul_(BYTE / (BYTE - dropped))


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """x with a share of its numbers set to zero in training, and the others as much larger."""
    return x * mask(x, share) if training and share else x
