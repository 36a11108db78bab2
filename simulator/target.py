"""A target: the hardware that a plan is timed on, in SI units. `target_reading` makes it from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from .constants import AttentionConstants, CpuConstants, GemmConstants, GroupedConstants, LoadConstants
from .units import quantities, quantity

Kind = Literal["gpu", "systolic", "cpu"]


@attrs.frozen
class Matrix:
    """What computes products."""

    units: int
    """SMs, arrays or cores."""
    macs: Mapping[str, float] = quantities("MAC/cycle")
    """The rate of one unit, by dtype; of one at least."""
    rows: int = 0
    """Of a systolic array."""
    columns: int = 0
    """Of a systolic array."""
    dataflow: Literal["", "os", "ws", "is"] = ""
    """What stays in a systolic array: outputs, weights or inputs."""


@attrs.frozen
class Vector:
    """What computes on single elements."""

    units: int
    """SMs, vector units or cores."""
    flops: Mapping[str, float] = quantities("FLOP/cycle")
    """The rate of one unit, by dtype, of one at least; a fused multiply-add counts two."""
    special: float = quantity("FLOP/cycle", default=0.0)
    """The rate of one unit for exponentials and their like."""


@attrs.frozen
class Level:
    """One level of memory."""

    name: str
    size: float = quantity("B")
    """Of all units together, also where each has its own."""
    bandwidth: float = quantity("B/s")
    """Of all units together, also where each has its own."""
    latency: float = quantity("s", default=0.0)
    """From asking to having."""
    shared: bool = True
    """Whether all units have it together (an L2), or one each (registers, the SRAM of an SM)."""


@attrs.frozen
class Link:
    """What carries bytes from one level to another, one way."""

    source: str
    """The name of a level."""
    destination: str
    """The name of a level."""
    bandwidth: float = quantity("B/s")
    """That large transfers reach."""
    latency: float = quantity("s", default=0.0)
    """Of a transfer of nothing."""


@attrs.frozen
class Launch:
    """What a kernel costs besides its work."""

    host: float = quantity("s", default=0.0)
    """Of the thread that launches it, which runs ahead of the device."""
    device: float = quantity("s", default=0.0)
    """Of the device, from one kernel's end to the next one's work."""


@attrs.frozen
class Energy:
    """What is spent beyond that of waiting."""

    mac: Mapping[str, float] = quantities("J/MAC")
    """By dtype: one multiply-add of a product."""
    flop: Mapping[str, float] = quantities("J/FLOP")
    """By dtype: one operation on an element."""
    byte: Mapping[str, float] = quantities("J/B")
    """By memory level: one byte that crosses its port."""


@attrs.frozen
class Power:
    """What is drawn."""

    idle: float = quantity("W", default=0.0)
    """When it waits."""
    limit: float = quantity("W", default=float("inf"))
    """The most."""


@attrs.frozen
class Note:
    """What a file says of one of its values."""

    source: str = ""
    """Where it is from: a datasheet, a paper, `estimate: …`. `[name]` stands for an entry of `[sources]`."""
    fitted: bool = False
    """Whether it was found by fitting to measurements."""
    means: str = ""
    """Of a fitted value: which physical quantity it stands for."""


@attrs.frozen(kw_only=True)
class Target:
    """A device with what it hangs on. `memory` goes from near to far: the last level before `host` is the device's own memory;
    levels named `host` and `storage` are outside of it."""

    name: str
    kind: Kind
    """Which cost models price its work."""
    title: str
    """The hardware in words."""
    clock: float = quantity("Hz")
    """Of the engines under load; what `cycle` stands for."""
    matrix: Matrix
    vector: Vector
    memory: tuple[Level, ...]
    """Tables by name, near to far."""
    links: tuple[Link, ...] = ()
    launch: Launch = Launch()
    energy: Energy = Energy()
    power: Power = Power()
    gemm: GemmConstants | None = None
    grouped: GroupedConstants | None = None
    attention: AttentionConstants | None = None
    cpu: CpuConstants | None = None
    loading: LoadConstants | None = None
    sources: Mapping[str, str] = attrs.field(factory=dict)
    """What `[name]` in a source stands for."""
    notes: Mapping[str, Note] = attrs.field(factory=dict, eq=False)
    """By the path of a value (`gemm.fill`)."""

    def level(self, name: str) -> Level:
        """The memory level of this name; `KeyError` where there is none."""
        for level in self.memory:
            if level.name == name:
                return level
        raise KeyError(name)

    def route(self, source: str, destination: str) -> tuple[Link, ...]:
        """The fewest links that lead from one level to another. `device` stands for the device's own memory, and so does `host`
        where there is no such level; from a level to itself leads none. `KeyError` where nothing leads there."""
        start, end = self._named(source), self._named(destination)
        ways: dict[str, tuple[Link, ...]] = {start: ()}
        reached = [start]
        for place in reached:
            for link in self.links:
                if link.source == place and link.destination not in ways:
                    ways[link.destination] = (*ways[place], link)
                    reached.append(link.destination)
        return ways[end]

    def _named(self, name: str) -> str:
        """A level's name for a word that may stand for the device's memory."""
        names = [level.name for level in self.memory]
        own = name == "device" or (name == "host" and "host" not in names)
        return self.device_memory.name if own and name not in names else name

    @property
    def device_memory(self) -> Level:
        """The farthest level that is the device's own: what weights are read from."""
        own = [level for level in self.memory if level.name not in ("host", "storage")]
        return own[-1]

    def peak_macs(self, dtype: str) -> float:
        """Multiply-adds a second of all units together, at the clock that the file names."""
        return self.clock * self.matrix.units * self.matrix.macs[dtype]
