"""Matrix products of many rows, by whichever of torch's libraries is quicker here and as exact.

torch multiplies float32 by MKL, which on some processors runs at half of what its other library, oneDNN, reaches with
the same rounding errors (AMD Zen 5, one thread: 65 to 95 and 130 to 210 GFLOP/s). torch asks oneDNN where products "may
be of bfloat16 inside"; whether they are depends on the processor, so it is tried once. oneDNN makes a program for every
new shape, which takes longer than a small product: so rows go there `ROWS` at a time, always as many, and the rest, and
all that is small, by MKL. bfloat16 goes to oneDNN wholly; there the rest has rows of zeros behind it, up to a multiple
of `PADDED`, so that its shapes are few.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

ROWS = 4096
PADDED = 256
_library: Any = torch.backends.mkldnn


def product(x: Tensor, weight: Tensor, out: Tensor, bias: Tensor | None = None) -> Tensor:
    """out = x W + b, by rows of x; without b, out = x W."""
    many = _many(x)
    if not many:
        if x.dtype == torch.bfloat16:
            made = _padded(x, weight)
            return out.copy_(made) if bias is None else torch.add(made, bias, out=out)
        return torch.mm(x, weight, out=out) if bias is None else torch.addmm(bias, x, weight, out=out)
    with _onednn():
        for here in _cuts(many):
            if bias is None:
                torch.mm(x[here], weight, out=out[here])
            else:
                torch.addmm(bias, x[here], weight, out=out[here])
    if many < x.shape[0]:
        product(x[many:], weight, out[many:], bias)
    return out


def added(x: Tensor, weight: Tensor, out: Tensor) -> Tensor:
    """out += x W, by rows of x."""
    many = _many(x)
    if not many:
        return out.add_(_padded(x, weight)) if x.dtype == torch.bfloat16 else out.addmm_(x, weight)
    with _onednn():
        for here in _cuts(many):
            out[here].addmm_(x[here], weight)
    if many < x.shape[0]:
        added(x[many:], weight, out[many:])
    return out


def across(x: Tensor, d: Tensor, out: Tensor) -> Tensor:
    """out = xᵀ d, a sum over the rows."""
    many = _many(x)
    if not many:
        return torch.mm(x.T, d, out=out)
    torch.mm(x[many:].T, d[many:], out=out)
    with _onednn():
        for here in _cuts(many):
            out.addmm_(x[here].T, d[here])
    return out


def _many(x: Tensor) -> int:
    """How many of the rows are not for MKL."""
    rows = x.shape[0]  # in this much used function quicker than len
    if rows < ROWS or x.device.type != "cpu":
        return 0
    there = x.dtype == torch.bfloat16 or (x.dtype == torch.float32 and _onednn_is_exact())
    return rows // ROWS * ROWS if there else 0


def _padded(x: Tensor, weight: Tensor) -> Tensor:
    """x W, by a product of as many rows as many others have."""
    rows = x.shape[0]
    wanted = functional.pad(x, (0, 0, 0, -rows % PADDED)) if rows % PADDED and x.device.type == "cpu" else x
    return torch.mm(wanted, weight)[:rows]


def _cuts(rows: int) -> Iterator[slice]:
    return (slice(first, first + ROWS) for first in range(0, rows, ROWS))


@contextmanager
def _onednn() -> Iterator[None]:
    before = _library.matmul.fp32_precision
    _library.matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        _library.matmul.fp32_precision = before


@cache
def _onednn_is_exact() -> bool:
    """Whether oneDNN is there, worth it, and rounds as float32 does although it might not."""
    if not _library.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    x = torch.linspace(-1, 1, 256 * 64).sin().reshape(256, 64)
    with torch.no_grad(), _onednn():
        found = x @ x.T
    return bool((found - x.double() @ x.double().T).abs().max() < 1e-4)
