"""What cannot be true of a target: contradictions between values that each can be read."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ..compiler.diagnostics import Label, did_you_mean
from ..compiler.toml_places import Path
from .target import Level, Target
from .target_values import Reading, dotted
from .units import USUAL

FITTED = 12
"""Values of a target that may be fitted on measurements: with more, a fit says little of what it was not fitted on."""

Labels = list[tuple[Path, str]]
"""Other places, and what they have to do with a contradiction."""

OUTSIDE = ("host", "storage")
"""Levels that are outside of the device, from near to far."""

TABLES = {"gemm": ("gpu",), "grouped": ("gpu",), "attention": ("gpu",), "cpu": ("cpu",)}
"""Tables of constants, and the kinds of targets that have them."""


def check(target: Target, reading: Reading) -> None:
    """Reports all contradictions."""
    checker = _Checker(target, reading)
    checker.matrix()
    checker.memory()
    checker.links()
    checker.energy()
    checker.power()
    checker.constants()
    checker.sources()


class _Checker:
    def __init__(self, target: Target, reading: Reading):
        self.target, self.reading = target, reading

    def wrong(self, message: str, path: Path, label: str, also: Iterable[tuple[Path, str]] = (), hint: str = "") -> None:
        """A value that cannot stand beside others."""
        places = self.reading.places
        labels = [Label(places.value(other), text) for other, text in also]
        self.reading.findings.error("CC1206", message, places.value(path), label=label, also=labels, hint=hint)

    def matrix(self) -> None:
        """Rows, columns and dataflow are a systolic array's, which does a multiply-add a cell and cycle."""
        matrix, kind = self.target.matrix, self.target.kind
        own: dict[str, object] = {"rows": matrix.rows, "columns": matrix.columns, "dataflow": matrix.dataflow}
        for key, value in own.items():
            if kind == "systolic" and not value:
                self.reading.wrong("CC1203", f"`matrix` has no `{key}`", ("matrix",), "a systolic array has one", key=True)
            if kind in ("gpu", "cpu") and value:
                of_kind: Labels = [(("kind",), f"this is a {kind}")]
                self.wrong(f"`matrix.{key}` is of systolic arrays", ("matrix", key), "not of this kind", of_kind)
        for name, key in (("matrix", "macs"), ("vector", "flops")):
            is_table = any(path[0] == name for path in self.reading.places.keys if len(path) > 1)
            if is_table and not getattr(getattr(self.target, name), key):
                self.reading.wrong("CC1203", f"`{name}` has no `{key}`", (name,), f"`{key}` is missing", key=True)
            if getattr(self.target, name).units == 0:
                self.wrong(f"`{name}.units` is nothing", (name, "units"), "at least 1")
        cells = matrix.rows * matrix.columns
        for dtype, rate in matrix.macs.items() if kind == "systolic" and cells else ():
            if rate > cells * (1 + 1e-9):
                also: Labels = [(("matrix", "rows"), f"{matrix.rows} by {matrix.columns} cells do {cells} a cycle")]
                self.wrong(f"an array does at most {cells} multiply-adds a cycle", ("matrix", "macs", dtype), f"{rate:g}", also)

    def memory(self) -> None:
        """Near levels are faster; of those that all units share, far ones are larger; `host` and `storage` come last."""
        levels = self.target.memory
        names = [level.name for level in levels]
        own = [level for level in levels if level.name not in OUTSIDE]
        if not own and ("memory",) in self.reading.places.keys:
            self.wrong("no level of memory is the device's own", ("memory",), "`host` and `storage` are outside of it")
        for name in OUTSIDE:
            if name in names and set(names[names.index(name) :]) - set(OUTSIDE[OUTSIDE.index(name) :]):
                hint = "levels stand from near to far: the device's own, then `host`, then `storage`"
                self.wrong(f"`memory.{name}` stands before a nearer level", ("memory", name), "not the last", hint=hint)
        for at, far in enumerate(own):
            self.order(own[:at], far)

    def order(self, nearer: Sequence[Level], far: Level) -> None:
        """What comes from a far level passes the nearer ones; what all units share holds what a nearer such level holds."""
        slowest = min(_said(nearer, "bandwidth"), key=lambda level: level.bandwidth, default=far)
        if far.bandwidth > slowest.bandwidth * (1 + 1e-9):
            self._pair(f"`{far.name}` is faster than `{slowest.name}`, which is nearer", slowest, far, "bandwidth")
        latest = max(_said(nearer, "latency"), key=lambda level: level.latency, default=far)
        if 0 < far.latency < latest.latency * (1 - 1e-9):
            self._pair(f"`{far.name}` answers sooner than `{latest.name}`, which is nearer", latest, far, "latency")
        shared = [level for level in _said(nearer, "size") if level.shared and far.shared]
        largest = max(shared, key=lambda level: level.size, default=far)
        if far.size < largest.size:
            self._pair(f"`{far.name}` is smaller than `{largest.name}`, which is nearer", largest, far, "size")

    def _pair(self, message: str, near: Level, far: Level, key: str) -> None:
        unit = {"size": "B", "bandwidth": "B/s", "latency": "s"}[key]
        also = [(("memory", near.name, key), f"{getattr(near, key):.3g} {unit}")]
        self.wrong(message, ("memory", far.name, key), f"{getattr(far, key):.3g} {unit}", also)

    def links(self) -> None:
        """Links lead from one level to another, once; levels outside are reached by one."""
        names = [level.name for level in self.target.memory]
        known: dict[tuple[str, str], int] = {}
        for place, link in enumerate(self.target.links):
            for key in ("source", "destination"):
                name = getattr(link, key)
                if name and name not in names:
                    hint = f"there are {', '.join(f'`{each}`' for each in names)}"
                    self.wrong(f"there is no level `{name}`", ("links", place, key), "not in `memory`", hint=hint)
            ends = (link.source, link.destination)
            if link.source and link.source == link.destination:
                self.wrong(f"a link leads from `{link.source}` to itself", ("links", place, "destination"), "the source again")
            elif all(ends) and ends in known:
                also = [(("links", known[ends], "source"), "first here")]
                self.wrong(f"there are two links from `{ends[0]}` to `{ends[1]}`", ("links", place, "source"), "again", also)
            known.setdefault(ends, place)
        sources = {link.source for link in self.target.links}
        for name in OUTSIDE:
            if name in names and name not in sources and len(names) > 1:
                self.wrong(f"no link leads from `{name}`", ("memory", name), "nothing comes from here", hint="add a link")

    def energy(self) -> None:
        """Energies name what the target has, and all of it or none."""
        target = self.target
        names = {level.name: () for level in target.memory}
        said = (("mac", target.matrix.macs), ("flop", target.vector.flops), ("byte", names))
        for key, known in said:
            given = getattr(target.energy, key)
            table: Path = ("energy", key)
            for name in given if key == "byte" else ():
                if name not in known:
                    hint = f"there are {', '.join(f'`{each}`' for each in known)}"
                    self.wrong(f"there is no level `{name}`", (*table, name), "not in `memory`", hint=hint)
            for name in known if given else ():
                if name not in given and not (key == "byte" and name in OUTSIDE):
                    what = f"`{dotted(table)}` says nothing of `{name}`"
                    unit = {"mac": "J/MAC", "flop": "J/FLOP", "byte": "J/B"}[key]
                    hint = f'add `{name} = "{USUAL[unit]}"`: with a part only, energies would come out too low'
                    self.reading.wrong("CC1203", what, table, f"`{name}` is missing", hint, key=True)

    def power(self) -> None:
        """It draws the least when it waits."""
        power = self.target.power
        if power.idle > power.limit:
            also = [(("power", "idle"), f"{power.idle:g} W when idle")]
            self.wrong("the most power is less than that of waiting", ("power", "limit"), f"{power.limit:g} W", also)

    def constants(self) -> None:
        """Constants are of the kind's cost models, and few of them are fitted."""
        target, reading = self.target, self.reading
        for name, kinds in TABLES.items():
            if getattr(target, name) is not None and target.kind and target.kind not in kinds:
                also = [(("kind",), f"this is a {target.kind}")]
                self.wrong(f"`{name}` is for targets that are a {kinds[0]}", (name,), "not of this kind", also)
        if target.kind == "gpu" and target.gemm is None:
            hint = "`chunkc calibrate --from TABLE.csv --kind gemm` fits them"
            kind = reading.places.value(("kind",))
            reading.findings.warn("CC1208", "there are no constants of products", kind, label="a gpu", hint=hint)
        fitted = [path for path, note in reading.noted if note.fitted]
        if len(fitted) > FITTED:
            counts = Counter(path[0] for path in fitted)
            tables = ", ".join(f"{count} in `{name}`" for name, count in counts.items())
            message = f"{len(fitted)} values are fitted, and at most {FITTED} may be: {tables}"
            reading.findings.error("CC1207", message, reading.places.value(fitted[FITTED]), label=f"number {FITTED + 1}")

    def sources(self) -> None:
        """What `[name]` in a source stands for is in the table of sources."""
        known, reading = self.target.sources, self.reading
        told = set(known)
        for path, note in reading.noted:
            for name in re.findall(r"\[([a-z]\w+)\]", note.source):
                if name not in told:
                    told.add(name)
                    hint = did_you_mean(name, known) or f'add `{name} = "…"` to `[sources]`'
                    message = f"`[sources]` does not say what `[{name}]` is"
                    reading.wrong("CC1203", message, (*path, "source"), f"`{name}` is not known", hint)


def _said(levels: Sequence[Level], key: str) -> list[Level]:
    """The levels of which the file says this much; of others there is a stand-in."""
    return [level for level in levels if not math.isnan(getattr(level, key))]
