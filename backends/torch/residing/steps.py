"""The host steps of a plan that move chunks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ....compiler.loading.residents import Lease
from ..derived import node_of
from ..hosting import host_step
from .recording import recorded

Wanted = tuple[Tensor, int | None]
"""What a selection kept, and a way: the step is for what kept it. Or the rows that are left, and None."""


def check(module: Any, reads: Sequence[str]) -> None:
    """`NotResident` where a region reads something of a chunk that is not held."""
    memory = module.__dict__.get("_memory")
    if memory is not None and memory.planned and (lease := memory.residents.here) is not None:
        lease.check(reads)


def _lease(module: Any) -> Lease | None:
    """Of the call that runs here; None where it has everything: in a pure region, and in training."""
    memory = None if module is None else module._memory
    return None if memory is None else memory.residents.here


def _any(kept: Tensor, way: int | None) -> bool:
    return bool(kept.shape[0]) if way is None else bool(kept[..., way].any())


def _told(lease: Lease, kind: str, path: str, wanted: Sequence[Wanted], released: bool = False) -> bool:
    """Whether a step is to be done: what it is for is kept somewhere (or not known to be). Either way it is logged."""
    done = not released and (not wanted or any(_any(kept, way) for kept, way in wanted))
    done = done or (released and lease.holds(path))
    lease.log.append((kind, path, done))
    return done


def _ways(lease: Lease, kept: Tensor) -> list[bool]:
    """Which ways of a selection are kept anywhere. Asked once in a call: on a device this waits."""
    if id(kept) not in lease.ways:
        lease.ways[id(kept)] = (kept, kept.flatten(0, -2).any(0).tolist())
    return lease.ways[id(kept)][1]


@host_step
@recorded
def acquire(module: Any, path: str, *wanted: Wanted) -> bool:
    """A step of the plan: from here on, what is kept runs on this chunk. Says, as all steps here, whether anything was done."""
    lease = _lease(module)
    if lease is None:
        return False
    for kept, way in wanted:
        if way is not None:
            lease.decided(path, way, _ways(lease, kept))
    done = _told(lease, "acquire", path, wanted)
    if done and not lease.without(path):
        lease.acquire(path)
    lease.passed(path)
    return done


@host_step
def scored(module: Any, path: str, way: int, kept: Tensor, score: Tensor) -> None:
    """How near the way of a chunk came to being kept, from the scores [..., ways] of its router: what is guessed of the next call
    learns from near misses."""
    lease = _lease(module)
    if lease is None or kept.shape[-1:] != score.shape[-1:] or not score.numel():
        return
    forecast, first = lease.store.forecast, lease.scores.get(id(kept))
    if first is None:
        best = score.detach().flatten(0, -2).amax(0).tolist()
        ways, near = _ways(lease, kept), [0.0] * len(best)
        if all(map(math.isfinite, best)):
            with lease.store.turn:
                near = forecast.lines[path].near(best, ways)
        first = lease.scores[id(kept)] = (kept, near)
    lease.near[path] = first[1][way]


@host_step
@recorded
def prefetch(module: Any, path: str, *wanted: Wanted) -> bool:
    """A step of the plan: this chunk is going to be needed, or may be. Where it has been decided that it is not (or it is on its
    way already), the next that is kept takes its place."""
    lease = _lease(module)
    if lease is None:
        return False
    done = _told(lease, "prefetch", path, wanted)
    if not wanted:
        lease.prefetch(path)
    for kept, way in ((kept, way) for kept, way in wanted if way is not None):
        lease.prefetch_kept(path, way, _ways(lease, kept), done)
    return done


@host_step
@recorded
def release(module: Any, path: str) -> bool:
    """A step of the plan: nothing runs on this chunk any more."""
    lease = _lease(module)
    if lease is None:
        return False
    done = _told(lease, "release", path, (), released=True)
    if done:
        lease.release(path)
    return done


@host_step
@recorded
def evict(module: Any, path: str, target: str, *wanted: Wanted) -> bool:
    """A step of the plan: this chunk goes, if the room is needed for `target`."""
    lease = _lease(module)
    if lease is None:
        return False
    done = _told(lease, "evict", path, wanted)
    if done:
        lease.evict(path, target)
    return done


@host_step
def filled(module: Any, parts: list[Tensor | None], like: Tensor, shape: tuple[int, ...]) -> list[Tensor]:
    """What the ways made, with no rows for those that did not run: in the shape and dtype of the others, else as told."""
    if module is None:
        return [part for part in parts if part is not None]
    made = next((part for part in parts if part is not None), None)
    nothing = like.new_empty(shape) if made is None else made.new_empty((0, *made.shape[1:]))
    return [nothing if part is None else part for part in parts]


@host_step
def present(module: Any, chunks: tuple[str, ...]) -> Tensor:
    """For each of these stored chunks whether this call can have it, bool [chunks]; in a pure region and in training, all."""
    if module is None:
        return node_of(torch.ones, len(chunks), dtype=torch.bool)
    lease = _lease(module)
    absent = () if lease is None else lease.absent
    return torch.tensor([path not in absent for path in chunks], device=module._seed.device)
