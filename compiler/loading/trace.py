"""What a run with loads did, step by step: recorded by the torch backend, replayed and timed by the simulator, and the future
that Belady's eviction looks into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["acquire", "prefetch", "release", "evict", "compute"]


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a call. `unit`: of a step that moves a chunk; `done`: whether it was to be done at all; `seconds`: what it took
    in the thread of the call (of an `acquire`: the stall); `loaded`: bytes that it began to load; `verified`: whether that load
    also hashed them."""

    kind: Kind
    unit: str = ""
    done: bool = True
    seconds: float = 0.0
    loaded: int = 0
    verified: bool = False


@dataclass(frozen=True, slots=True)
class LoadTrace:
    """Calls one after the other, each its events in order. `sizes`: bytes by unit; `room`: the budget for them; `policy`: what
    evicts; `cold`: whether the files lay outside the page cache."""

    calls: tuple[tuple[Event, ...], ...]
    sizes: Mapping[str, int]
    room: int
    policy: str
    cold: bool = False
