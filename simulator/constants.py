"""Constants of the cost models on a device, which a target's file holds in tables of their own. Most are fitted on measured
tables, and said to be; at most twelve a device."""

from __future__ import annotations

from typing import Literal

import attrs

from .units import quantity


@attrs.frozen
class GemmConstants:
    """Of dense products on a GPU: which generation of kernels runs there (`ampere` on Ampere and Ada, `hopper` on Hopper), and
    how near they come to the datasheet."""

    kernels: Literal["ampere", "hopper"]
    sustained: float = quantity("1")
    """Share of the peak that products reach once the power limit has had time to answer."""
    tensor: float = quantity("1")
    """Share of the peak that they reach before that."""
    dram: float = quantity("1")
    """Share of the memory's bandwidth that reading reaches."""
    fill: float = quantity("s")
    """Until a tile's first product, from the L2. From the device's memory it is longer by the ratio of latencies."""
    step: float = quantity("s")
    """The least time of 64 multiply-adds deep of a tile of bf16 (128 bytes), however small the tile."""
    port: float = quantity("B/s")
    """At which one SM reads from the L2; it writes at half of that."""


@attrs.frozen
class GroupedConstants:
    """Of ragged products on a GPU: the software with whose mixture layers the device was measured, and how fast they run. Rates
    of the tensor cores and of memory are those of dense products."""

    software: Literal["vllm-2025", "vllm-2026"]
    feed: float = quantity("B/s")
    """At which one SM is fed with operands out of the L2."""
    step: float = quantity("s")
    """That a block waits for the operands of one step along k, alone on its SM."""
    narrow: float = quantity("B/s")
    """That pass an SM where rows are not aligned and elements are loaded one by one."""
    host: float = quantity("s", default=0.0)
    """That the thread which launches takes for each kernel, where layers were measured so."""


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


@attrs.frozen
class LoadConstants:
    """Of weights that are mapped from files in a thread beside the call, as the torch backend does: what was measured here. Bytes
    that are not in the page cache come over the link from `storage` first."""

    mapped: float = quantity("B/s")
    """At which pages that the page cache holds are mapped."""
    hashed: float = quantity("B/s")
    """At which bytes are hashed too, the first time that a process loads a file."""
    dropped: float = quantity("B/s")
    """At which they are given back."""
    request: float = quantity("s", default=0.0)
    """Of each load, from asking for it to going on, besides its bytes."""
    past: float = quantity("B/s", default=0.0)
    """At which the disk is read past the page cache, where that keeps nothing; none: it is always read through it."""
