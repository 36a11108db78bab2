"""A target: the hardware that a plan is timed on, in SI units. `target_reading` makes it from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from .constants import AttentionConstants, CpuConstants, GemmConstants, GroupedConstants
from .units import quantities, quantity

Kind = Literal["gpu", "systolic", "cpu"]


@attrs.frozen
class Matrix:
    """What computes products: `units` (SMs, arrays, cores), and each one's rate by dtype. A systolic array has rows, columns
    and the dataflow that it is built for."""

    units: int
    macs: Mapping[str, float] = quantities("MAC/cycle")
    rows: int = 0
    columns: int = 0
    dataflow: Literal["", "os", "ws", "is"] = ""


@attrs.frozen
class Vector:
    """What computes on single elements: each unit's rate by dtype, and that of exponentials and their like."""

    units: int
    flops: Mapping[str, float] = quantities("FLOP/cycle")
    special: float = quantity("FLOP/cycle", default=0.0)


@attrs.frozen
class Level:
    """One level of memory. `shared`: whether all units have it together (an L2), or one each (registers, SRAM of an SM);
    its size and bandwidth are those of all units together in both cases."""

    name: str
    size: float = quantity("B")
    bandwidth: float = quantity("B/s")
    latency: float = quantity("s", default=0.0)
    shared: bool = True


@attrs.frozen
class Link:
    """What carries bytes between two levels."""

    source: str
    destination: str
    bandwidth: float = quantity("B/s")
    latency: float = quantity("s", default=0.0)


@attrs.frozen
class Launch:
    """What a kernel costs besides its work: the thread that launches it, and the device."""

    host: float = quantity("s", default=0.0)
    device: float = quantity("s", default=0.0)


@attrs.frozen
class Energy:
    """Of one multiply-add and one operation on an element by dtype, of one byte by memory level."""

    mac: Mapping[str, float] = quantities("J/MAC")
    flop: Mapping[str, float] = quantities("J/FLOP")
    byte: Mapping[str, float] = quantities("J/B")


@attrs.frozen
class Power:
    """What it draws when it waits, and the most."""

    idle: float = quantity("W", default=0.0)
    limit: float = quantity("W", default=float("inf"))


@attrs.frozen
class Note:
    """What a file says of one of its values: where it is from; whether it was fitted, and then what it means."""

    source: str = ""
    fitted: bool = False
    means: str = ""


@attrs.frozen(kw_only=True)
class Target:
    """A device with what it hangs on. `memory` goes from near to far: the last level before `host` is the device's own memory;
    levels named `host` and `storage` are outside of it."""

    name: str
    kind: Kind
    title: str
    clock: float = quantity("Hz")
    matrix: Matrix
    vector: Vector
    memory: tuple[Level, ...]
    links: tuple[Link, ...] = ()
    launch: Launch = Launch()
    energy: Energy = Energy()
    power: Power = Power()
    gemm: GemmConstants | None = None
    grouped: GroupedConstants | None = None
    attention: AttentionConstants | None = None
    cpu: CpuConstants | None = None
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
