"""The grids: which kernels are measured at which sizes, and how each is called."""

from __future__ import annotations

import functools
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
LARGEST_LAYER = 1 << 28
OUT_OF_CACHE = 1 << 27
"""Weights that are to be cold are read in turn from so many bytes of them."""

Calls = Sequence[Callable[[], Any]]
Progress = Callable[[str, int, int], None]
Grid = Mapping[str, Sequence[int]]

PRODUCTS: Grid = {"m": (1, 4, 8, 16, 32, 128, 512), "n": (16, 64, 256, 1024, 4096), "k": (16, 64, 256, 1024, 4096)}
COLD: Grid = {"m": (1, 8, 64), "n": (64, 512, 4096, 32768), "k": (64, 512, 4096)}
BATCHED: Grid = {"batch": (1, 8, 64), "m": (1, 16, 128), "n": (16, 128), "k": (16, 128)}
CONVOLUTIONS: Grid = {"m": (16, 64, 256, 1024, 4096), "n": (16, 64, 256, 512), "k": (27, 144, 576, 2304, 4608)}
"""Of windows of 3 by 3: `k` is nine times the channels."""
COLD_CONVOLUTIONS: Grid = {"m": (16, 256), "n": (64, 512), "k": (576, 4608)}
POOLS: Grid = {"rows": (16, 1024, 65536), "length": (4, 9, 49)}
ATTENTION: Grid = {"heads": (1, 8, 64), "queries": (1, 32, 256), "keys": (32, 256, 1024), "width": (32, 128)}
ELEMENTS: Grid = {"elements": (64, 4096, 32768, 262144, 1048576, 4194304)}
COPIES: Grid = {"elements": (*ELEMENTS["elements"], 1 << 25)}
"""The last is what no cache holds."""
SORTS: Grid = {"rows": (1, 32, 1024), "length": (4, 32, 128, 512)}
ROWS: Grid = {"rows": (1, 64, 4096), "length": (4, 64, 1024)}
GATHERS: Grid = {"rows": (1, 64, 512, 2048, 8192), "bytes": (4, 64, 512, 2048, 4096)}


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
    for axis, sizes in reversed(list(enumerate(grid.values()))):
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
        yield Job("conv2d", name, CONVOLUTIONS, lambda m, n, k, d=dtype: _convolution(m, n, k, d, 1))
        cold = functools.partial(_convolution, dtype=dtype, spread=OUT_OF_CACHE)
        yield Job("conv2d", name, COLD_CONVOLUTIONS, cold, cold=True)
        yield Job("attention", name, ATTENTION, lambda h, q, k, w, d=dtype: _attention(h, q, k, w, d))
        for op, made in POINTWISE.items():
            grid = COPIES if op == "copy" else ELEMENTS
            yield Job(op, name, grid, lambda n, f=made, d=dtype: [f(torch.rand(n).add(0.5).to(d))])
        for op, made in REDUCTIONS.items():
            yield Job(op, name, ROWS, lambda r, n, f=made, d=dtype: [f(torch.rand(r, n).to(d))])
        for op, pool in (("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)):
            yield Job(op, name, POOLS, lambda r, n, f=pool, d=dtype: _pool(f, r, n, d))
    yield Job("gather", "", GATHERS, _gather)
    yield Job("scatter", "", GATHERS, _scatter)
    yield Job("sort", "", SORTS, _sort)
    yield Job("launch", "", {"ops": (1, 9)}, _launches)
    yield Job("launch", "", {"ops": (1, 9)}, lambda ops: _launches(ops, 1 << 25), cold=True)


def _linear(m: int, n: int, k: int, dtype: torch.dtype, spread: int) -> Calls | None:
    """A linear layer; with a `spread` of bytes as many of them, one after the other, as fill it."""
    own = n * k * dtype.itemsize
    if m * n * k > MOST_MACS or own > LARGEST_LAYER:
        return None
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


def _convolution(m: int, n: int, k: int, dtype: torch.dtype, spread: int) -> Calls | None:
    """One image, a square result of m places, n channels from k / 9."""
    if m * n * k > MOST_MACS:
        return None
    side = math.isqrt(m)
    x = torch.randn(1, k // 9, side, side).to(dtype)
    count = max(1, min(spread // (n * k * dtype.itemsize), 64))
    options = {"padding": 1, "bias": False, "dtype": dtype}
    layers = [_filled(nn.utils.skip_init(nn.Conv2d, k // 9, n, 3, **options)) for _ in range(count)]
    return [lambda layer=layer: layer(x) for layer in layers]  # type: ignore[misc]


def _pool(pool: Callable[..., Any], rows: int, length: int, dtype: torch.dtype) -> Calls:
    """Windows of so many places, two places apart, over 16 channels: `rows` times `length` elements in all."""
    window = math.isqrt(length)
    side = max(window, math.isqrt(rows * length // 16))
    x = torch.rand(1, 16, side, side).to(dtype)
    return [lambda: pool(x, window, 2)]


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


def _launches(ops: int, spread: int = 0) -> Calls:
    """Different ops on next to nothing, one behind the other: as they follow each other in a loop, or each time after something
    that has read a `spread` of bytes and left nothing else in the caches."""
    x, kept, at = torch.rand(4, 8), torch.rand(4, 8) > 0.5, torch.tensor([0, 2])
    few: list[Callable[[], Any]] = [
        lambda: x + x,
        lambda: torch.where(kept, x, 0.0),
        lambda: x.index_select(0, at),
        lambda: torch.softmax(x, -1),
        lambda: kept.nonzero(),
        lambda: torch.cat([x, x]),
        lambda: x.sum(-1),
        lambda: torch.sort(x, dim=-1, descending=True, stable=True),
        lambda: x.new_zeros(4, 8),
    ]
    filler = torch.ones(max(1, spread // 4))

    def call() -> None:
        filler.sum()
        for one in few[:ops]:
            one()

    return [call]
