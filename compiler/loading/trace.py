"""What a run with loads did, step by step: recorded by the torch backend, replayed and timed by the simulator, and the future
that Belady's eviction looks into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["acquire", "prefetch", "release", "evict", "compute"]


@dataclass(frozen=True, slots=True)
class Load:
    """A load that a step began: of which chunk, the bytes of its file that are read (of a partial load fewer than it takes when
    resident), whether they are hashed too, as those of a file are the first time in a process, and what it took in the thread
    that loads, from its beginning there."""

    unit: str
    bytes: int
    verified: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a call. `unit`: of a step that moves a chunk; `done`: whether it was to be done at all; `seconds`: what it took
    in the thread of the call (of an `acquire`: the stall); `loads`: those that it began, in order (a prefetch may begin that of
    the next chunk that is kept in place of its own); `gone`: chunks that went for them; `by`: which of the call's decisions says
    whether it is done, numbered from 1 as they come (0: none, it always is)."""

    kind: Kind
    unit: str = ""
    done: bool = True
    seconds: float = 0.0
    loads: tuple[Load, ...] = ()
    gone: tuple[str, ...] = ()
    by: int = 0


@dataclass(frozen=True, slots=True)
class LoadTrace:
    """Calls one after the other, each its events in order. `sizes`: bytes by unit; `room`: the budget for them; `policy`: what
    evicts; `cold`: whether the files lay outside the page cache when it began; `resident`: what was resident then, that which was
    used longest ago first; `ahead`: how many were asked for ahead."""

    calls: tuple[tuple[Event, ...], ...]
    sizes: Mapping[str, int]
    room: int
    policy: str
    cold: bool = False
    resident: tuple[str, ...] = ()
    ahead: int = 0
