"""The grids: which kernels are measured at which sizes, and how each is called."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .elements import POINTWISE, REDUCTIONS
from .timing import BUDGET, Measured, seconds_of

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
MOST_MACS = 1 << 31
"""Points with more work are not measured: their time follows from smaller ones at a constant rate."""
OUT_OF_CACHE = 1 << 27
"""Weights that are to be cold are read in turn from so many bytes of them."""

Calls = Sequence[Callable[[], Any]]
Progress = Callable[[str, int, int], None]
Grid = Mapping[str, Sequence[int]]

PRODUCTS: Grid = {"m": (1, 4, 16, 64, 256, 1024), "n": (16, 64, 256, 1024, 4096), "k": (16, 64, 256, 1024, 4096)}
COLD: Grid = {"m": (1, 16, 128), "n": (64, 512, 4096), "k": (64, 512, 4096)}
BATCHED: Grid = {"batch": (1, 8, 64), "m": (1, 16, 128), "n": (16, 128), "k": (16, 128)}
CONVOLUTIONS: Grid = {"m": (49, 196, 784, 3136), "n": (64, 128, 256, 512), "k": (64, 256, 576, 1152, 4608)}
ATTENTION: Grid = {"heads": (1, 8, 64), "queries": (1, 32, 256), "keys": (32, 256, 1024), "width": (32, 128)}
ELEMENTS: Grid = {"elements": (64, 4096, 32768, 262144, 2097152)}
COPIES: Grid = {"elements": (*ELEMENTS["elements"], 1 << 25)}
"""The last is what no cache holds."""
ROWS: Grid = {"rows": (1, 64, 4096), "length": (4, 64, 1024)}
GATHERS: Grid = {"rows": (1, 64, 1024, 16384), "bytes": (4, 256, 4096)}


@dataclass(frozen=True, slots=True)
class Job:
    """A kernel to be measured over a grid. `make` gives for the sizes of a point the call that is timed, or several that are
    timed in turn; None where the point is too large."""

    op: str
    dtype: str
    grid: Grid
    make: Callable[..., Calls | None]
    cold: bool = False


def measure(dtypes: Sequence[str] = ("f32", "bf16"), progress: Progress = lambda name, done, of: None) -> list[Measured]:
    """All grids in these dtypes, with as many threads as torch has now. About a minute. `progress` is told what is next."""
    found, todo = [], list(jobs(dtypes))
    with torch.no_grad():
        for i, job in enumerate(todo):
            progress(f"{job.op} {job.dtype}".strip(), i, len(todo))
            found.append(Measured(job.op, job.dtype, job.grid, over(job), job.cold))
    return found


def over(job: Job, budget: float = BUDGET) -> tuple[float, ...]:
    """The seconds at each point. A point that is too large costs as much more than its neighbour as it is larger."""
    known: dict[tuple[int, ...], float] = {}
    for point in itertools.product(*job.grid.values()):
        calls = job.make(*point)
        known[point] = _from_neighbour(job.grid, point, known) if calls is None else seconds_of(calls, budget=budget)
    return tuple(known.values())


def _from_neighbour(grid: Grid, point: tuple[int, ...], known: Mapping[tuple[int, ...], float]) -> float:
    for axis, sizes in enumerate(grid.values()):
        if place := list(sizes).index(point[axis]):
            smaller = (*point[:axis], sizes[place - 1], *point[axis + 1 :])
            return known[smaller] * point[axis] / sizes[place - 1]
    raise ValueError(f"the smallest point of a grid is too large: {point}")


def jobs(dtypes: Sequence[str]) -> Iterator[Job]:
    """All that is measured."""
    for name in dtypes:
        dtype = DTYPES[name]
        yield Job("linear", name, PRODUCTS, lambda m, n, k, d=dtype: _linear(m, n, k, d, 1))
        yield Job("linear", name, COLD, lambda m, n, k, d=dtype: _linear(m, n, k, d, OUT_OF_CACHE), cold=True)
        yield Job("matmul", name, BATCHED, lambda b, m, n, k, d=dtype: _batched(b, m, n, k, d))
        yield Job("conv2d", name, CONVOLUTIONS, lambda m, n, k, d=dtype: _convolution(m, n, k, d))
        yield Job("attention", name, ATTENTION, lambda h, q, k, w, d=dtype: _attention(h, q, k, w, d))
        for op, made in POINTWISE.items():
            grid = COPIES if op == "copy" else ELEMENTS
            yield Job(op, name, grid, lambda n, f=made, d=dtype: [f(torch.rand(n).add(0.5).to(d))])
        for op, made in REDUCTIONS.items():
            yield Job(op, name, ROWS, lambda r, n, f=made, d=dtype: [f(torch.rand(r, n).to(d))])
    yield Job("gather", "", GATHERS, _gather)
    yield Job("scatter", "", GATHERS, _scatter)
    yield Job("sort", "", ROWS, _sort)


def _linear(m: int, n: int, k: int, dtype: torch.dtype, spread: int) -> Calls | None:
    """A linear layer; with a `spread` of bytes as many of them, one after the other, as fill it."""
    if m * n * k > MOST_MACS:
        return None
    own = n * k * dtype.itemsize
    count = max(1, min(spread // own, 256, MOST_MACS // (m * n * k)))
    x = torch.randn(m, k).to(dtype)
    layers = [_filled(nn.utils.skip_init(nn.Linear, k, n, dtype=dtype)) for _ in range(count)]
    return [lambda layer=layer: layer(x) for layer in layers]  # type: ignore[misc]


def _filled(layer: nn.Module) -> nn.Module:
    for parameter in layer.requires_grad_(False).parameters():
        parameter.fill_(0.01)
    return layer


def _batched(batch: int, m: int, n: int, k: int, dtype: torch.dtype) -> Calls:
    x, y = torch.randn(batch, m, k).to(dtype), torch.randn(batch, k, n).to(dtype)
    return [lambda: x @ y]


def _convolution(m: int, n: int, k: int, dtype: torch.dtype) -> Calls | None:
    """One image, a square result of m places, n channels from k: by 1x1, and by 3x3 where k has nine parts."""
    if m * n * k > MOST_MACS:
        return None
    side, window = math.isqrt(m), 3 if k % 9 == 0 else 1
    channels = k // window**2
    x = torch.randn(1, channels, side, side).to(dtype)
    options = {"padding": window // 2, "bias": False, "dtype": dtype}
    layer = _filled(nn.utils.skip_init(nn.Conv2d, channels, n, window, **options))
    return [lambda: layer(x)]


def _attention(heads: int, queries: int, keys: int, width: int, dtype: torch.dtype) -> Calls | None:
    if heads * queries * keys * width * 2 > MOST_MACS:
        return None
    q = torch.randn(1, heads, queries, width).to(dtype)
    k, v = (torch.randn(1, heads, keys, width).to(dtype) for _ in range(2))
    return [lambda: F.scaled_dot_product_attention(q, k, v)]


def _gather(rows: int, size: int) -> Calls:
    x, at = torch.randn(rows, max(1, size // 4)), torch.randperm(rows)
    return [lambda: x.index_select(0, at)]


def _scatter(rows: int, size: int) -> Calls:
    x, at = torch.randn(rows, max(1, size // 4)), torch.randperm(rows)
    total = torch.zeros_like(x)
    return [lambda: total.index_add_(0, at, x)]


def _sort(rows: int, length: int) -> Calls:
    x = torch.randn(rows, length)
    return [lambda: torch.sort(x, dim=-1, descending=True, stable=True)]
