"""What cannot be true of a target: contradictions between values that each can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..compiler.diagnostics import Label
from .target import Level, Target
from .target_structure import Reading, dotted
from .toml_places import Path
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
        for name in ("matrix", "vector"):
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
        for near, far in zip(own, own[1:]):
            self.order(near, far)
        shared = [level for level in own if level.shared]
        for near, far in zip(shared, shared[1:]):
            if far.size < near.size:
                what = f"`{far.name}` is smaller than `{near.name}`, which is nearer"
                self._pair(what, near, far, "size")

    def order(self, near: Level, far: Level) -> None:
        """What comes from a far level passes the near one."""
        if far.bandwidth > near.bandwidth * (1 + 1e-9):
            self._pair(f"`{far.name}` is faster than `{near.name}`, which is nearer", near, far, "bandwidth")
        if 0 < far.latency < near.latency:
            self._pair(f"`{far.name}` answers sooner than `{near.name}`, which is nearer", near, far, "latency")

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
                self.wrong(f"`{name}` is of a {kinds[0]}", (name,), "not of this kind", also)
        if target.kind == "gpu" and target.gemm is None:
            hint = "`chunkc calibrate --from TABLE.csv --kind gemm` fits them"
            kind = reading.places.value(("kind",))
            reading.findings.warn("CC1208", "there are no constants of products", kind, label="a gpu", hint=hint)
        fitted = reading.fitted
        if len(fitted) > FITTED:
            counts = Counter(path[0] for path in fitted)
            tables = ", ".join(f"{count} in `{name}`" for name, count in counts.items())
            message = f"{len(fitted)} values are fitted, and at most {FITTED} may be: {tables}"
            reading.findings.error("CC1207", message, reading.places.value(fitted[FITTED]), label=f"number {FITTED + 1}")
