"""What is resident while a module runs: its store of chunks, and the host steps of a plan that move them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor

from ...compiler.loading.residents import Residents
from .hosting import host_step

Wanted = tuple[Tensor, int | None]
"""What a selection kept, and a way: the step is for what kept it. Or the rows that are left, and None."""


def calling(module: Any, hosted: bool) -> AbstractContextManager[None]:
    """Around a call that has host steps: one at a time, if they move chunks."""
    moves = hosted and module._store is not None and not module.training
    return module._store.call() if moves else nullcontext()


def check(module: Any, reads: Sequence[str]) -> None:
    """`NotResident` where a region reads something of a chunk that is not held."""
    store: Residents | None = getattr(module, "_store", None)
    if store is not None and store.owner is not None:
        store.check(reads)


# ---- host steps


def _any(kept: Tensor, way: int | None) -> bool:
    return bool(kept.shape[0]) if way is None else bool(kept[..., way].any())


def _told(store: Residents, kind: str, path: str, wanted: Sequence[Wanted], released: bool = False) -> bool:
    """Whether a step is to be done: what it is for is kept somewhere (or not known to be). Either way it is logged."""
    done = not released and (not wanted or any(_any(kept, way) for kept, way in wanted))
    done = done or (released and path in store.held)
    store.log.append((kind, path, done))
    return done


@host_step
def acquire(module: Any, path: str, *wanted: Wanted) -> bool:
    """A step of the plan: from here on, what is kept runs on this chunk. Says, as all steps here, whether anything was done."""
    if module is None:
        return False
    if done := _told(module._store, "acquire", path, wanted):
        module._store.acquire(path)
    module._store.passed(path)
    return done


@host_step
def prefetch(module: Any, path: str, *wanted: Wanted) -> bool:
    """A step of the plan: this chunk is going to be needed, or may be. Where it has been decided that it is not (or it is on its
    way already), the next that is kept takes its place."""
    if module is None:
        return False
    store: Residents = module._store
    done = _told(store, "prefetch", path, wanted)
    if not wanted:
        store.prefetch(path)
    for kept, way in ((kept, way) for kept, way in wanted if way is not None):
        store.prefetch_kept(path, way, kept.flatten(0, -2).any(0).tolist(), done)
    return done


@host_step
def release(module: Any, path: str) -> bool:
    """A step of the plan: nothing runs on this chunk any more."""
    done = module is not None and _told(module._store, "release", path, (), released=True)
    if done:
        module._store.release(path)
    return done


@host_step
def evict(module: Any, path: str, target: str, *wanted: Wanted) -> bool:
    """A step of the plan: this chunk goes, if the room is needed for `target`."""
    done = module is not None and _told(module._store, "evict", path, wanted)
    if done:
        module._store.evict(path, target)
    return done


@host_step
def filled(module: Any, parts: list[Tensor | None], like: Tensor, shape: tuple[int, ...]) -> list[Tensor]:
    """What the ways made, with no rows for those that did not run: in the shape and dtype of the others, else as told."""
    if module is None:
        return [part for part in parts if part is not None]
    made = next((part for part in parts if part is not None), None)
    nothing = like.new_empty(shape) if made is None else made.new_empty((0, *made.shape[1:]))
    return [nothing if part is None else part for part in parts]
