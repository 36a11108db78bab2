"""Constants of the cost models on a device, which a target's file holds in tables of their own. Most are fitted on measured
tables, and said to be; at most twelve a device."""

from __future__ import annotations

from typing import Literal

import attrs

from .units import quantity


@attrs.frozen
class GemmConstants:
    """Of dense products on a GPU."""


@attrs.frozen
class GroupedConstants:
    """Of ragged products on a GPU."""


@attrs.frozen
class AttentionConstants:
    """Of flash attention on a GPU: which generation of it runs there (`fa2` on Ampere and Ada, `fa3` on Hopper), and how fast."""

    kernel: Literal["fa2", "fa3"]
    overlap: float = quantity("1")
    """How fast a tile is, against its products and then its exponentials at the nominal clock. Above 1 where both run at once."""
    start: float = quantity("s")
    """Of a block, besides its tiles of keys."""
    stream: float = quantity("B/s")
    """At which one SM loads a tile that it has to wait for."""


@attrs.frozen
class Axis:
    """One axis of a grid: its name, and the sizes at which was measured, rising."""

    name: str
    sizes: tuple[int, ...]


@attrs.frozen
class Kernel:
    """How long a kernel of torch takes on this processor, at each point of a grid of sizes, in row-major order.

    `cold`: its weights were in no cache. `dtype` is empty where it makes no difference."""

    op: str
    axes: tuple[Axis, ...]
    microseconds: tuple[float, ...]
    dtype: str = ""
    cold: bool = False


@attrs.frozen
class CpuConstants:
    """Of a processor: what was measured on it, with so many threads."""

    threads: int
    call: float = quantity("s", default=0.0)
    """Of each call of a module, before its first kernel and behind its last."""
    kernels: tuple[Kernel, ...] = ()
