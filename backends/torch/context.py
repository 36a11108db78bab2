"""What a call carries besides its values: the seed, the call path, which dense positions the rows of a gathered body are; and
what it records."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...compiler.plan import Kind
from ...compiler.step_log import Entry
from .caching import probe
from .guarding import alone, without
from .kernels.drawing import uniform
from .kernels.routing import dispatch
from .logging import StepClock, counts


class Record:
    """What a call leaves besides its outputs, by path.

    `kept`: each decision as (kept, rows, sizes): the rows of a gathered body and the dense sizes they come from (None, () if
    dense). `first`: what the first of several rules kept, alike. `ran`: for each routed fuse the rows of each way. `nexts`:
    (state, value) pairs. `draws`: how many were made. `found`: what each cache held."""

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}
        self.kept: dict[str, tuple[Tensor, Tensor | None, tuple[Any, ...]]] = {}
        self.ran: dict[str, list[Tensor]] = {}
        self.nexts: list[tuple[Tensor, Tensor]] = []
        self.draws = 0
        self.found: dict[str, Any] = {}


class Context:
    """Handed to every body that decides, draws, or adds to a loss.

    `host`: the module, for host steps; None where the call is one pure region. `log`: where steps are told, if they are.
    `idle`: whether it is the body of a way that has no rows."""

    def __init__(
        self, seed: int | Tensor = 0, forced: dict[str, Any] | None = None, host: Any = None, log: StepClock | None = None
    ) -> None:
        self.seed = seed
        self.forced = forced or {}
        self.host = host
        self.log = log
        self.idle = False
        self.record = Record()
        self.path = ""
        self.rows: Tensor | None = None
        self.sizes: tuple[Any, ...] = ()

    def enter(self, call: str) -> Context:
        """The context of a called body."""
        inner = self.copy()
        inner.path = f"{self.path}{call}."
        return inner

    def at(self, rows: Tensor, kept: Tensor, axes: int, shared: bool = False) -> Context:
        """The context of a body that runs on `rows` of the first `axes` axes of `kept`, which are dense where it is `shared`."""
        inner = self.copy()
        if self.log is not None:
            inner.idle = self.idle or rows.shape[0] == 0
        if shared:
            inner.rows, inner.sizes = rows, tuple(kept.shape[axis] for axis in range(axes))
            return inner
        outer = len(self.sizes)
        inner.sizes = (*self.sizes, *(kept.shape[axis] for axis in range(outer, axes)))
        if self.rows is None:
            inner.rows = rows
        elif axes <= outer:
            inner.rows = self.rows.index_select(0, rows)
        else:
            finer = kept[..., 0].flatten(outer, axes - 1).shape[outer]
            inner.rows = self.rows.index_select(0, rows // finer) * finer + rows % finer
        return inner

    def copy(self) -> Context:
        """The same call seen from the same place."""
        other = Context.__new__(Context)
        other.__dict__.update(self.__dict__)
        return other

    def keep(self, path: str, kept: Tensor, shared: bool = False) -> Tensor:
        """Records a decision, or puts in its place the one that is replayed. `shared`: it has no positions to be gathered."""
        path = self.path + path
        rows, sizes = (None, ()) if shared else (self.rows, self.sizes)
        if path in self.forced:
            kept = replayed(self.forced[path], kept, rows, len(sizes))
        self.record.kept[path] = (kept, rows, sizes)
        return kept

    def keep_alike(self, paths: tuple[str, ...], kept: Tensor, shared: bool = False) -> Tensor:
        """`keep` for selections that are one: recorded under all their paths, and replayed alike."""
        kept = self.rung_alike(paths, None, kept, shared)
        rows, sizes = (None, ()) if shared else (self.rows, self.sizes)
        self.record.kept.update({self.path + path: (kept, rows, sizes) for path in paths})
        return kept

    def dispatch(self, path: str, kept: Tensor, axes: int) -> list[Tensor]:
        """The rows of each way, recorded."""
        rows = dispatch(kept, axes)
        self.ran(path, rows)
        return rows

    def without(self, path: str, rows: list[Tensor], ways: tuple[int, ...]) -> bool:
        """Whether none of these ways has rows, as the host counts it."""
        return without(self.host, self.path + path, rows, ways)

    def alone(self, path: str, rows: list[Tensor], kept: Tensor, axes: int, ways: tuple[int, ...]) -> bool:
        """Whether these ways have all rows and the others none, as the host counts it."""
        return alone(self.host, self.path + path, rows, kept, axes, ways)

    def ran(self, path: str, rows: list[Tensor]) -> None:
        """Records the rows that each way ran on (only their number matters)."""
        self.record.ran[self.path + path] = rows

    def probe(self, path: str, keys: list[Tensor], sources: list[Tensor], axes: int, entries: int, bits: int = 0) -> Any:
        """`caching.probe` of the cache at a path, recorded."""
        found, rows, held = probe(self.host, self.path + path, keys, sources, axes, entries, bits)
        if self.host is not None:
            self.record.found[self.path + path] = found
        return found, rows, held

    def rung(self, path: str, way: int, kept: Tensor, shared: bool = False) -> Tensor:
        """One way's decision where it is asked, or the one that is replayed."""
        if self.path + path not in self.forced:
            return kept
        mine = of_way(self.forced[self.path + path], way)
        return replayed(mine, kept, None if shared else self.rows, 0 if shared else len(self.sizes))

    def rung_alike(self, paths: tuple[str, ...], way: int | None, kept: Tensor, shared: bool = False) -> Tensor:
        """`rung` for selections that are one (None: all ways). What is replayed for them must agree where it is known."""
        rows, axes = (None, 0) if shared else (self.rows, len(self.sizes))
        given = [of_way(self.forced.get(self.path + path), way) for path in paths]
        found = kept
        for one in given:
            found = found if one is None else replayed(one, found, rows, axes)
        for one in given if found is not kept else ():
            # What is not known of one of them is as the others say; one that is not replayed is decided here.
            if not torch.equal(found, kept if one is None else replayed(one, found, rows, axes)):
                named = " and ".join(self.path + path for path in paths)
                raise ValueError(f"{named} are one selection after `share-masks`, and the decisions to replay for them differ")
        return found

    def uniform(self, x: Tensor, path: str, shared: bool = False) -> Tensor:
        """Draws keyed by the call's seed, the path and the dense position."""
        self.record.draws += 1
        return uniform(x, self.seed, path_key(self.path + path), None if shared else self.rows)

    def drawn(self) -> bool:
        """Whether the call has drawn anything."""
        return self.record.draws > 0

    # ---- the log of steps, in text that was written to tell them

    def step(self, step: int, kind: Kind, rows: Any = ()) -> None:
        """A step of the plan begins, on these rows (`step_log.Entry`)."""
        if self.log is not None:
            self.log.begin(None if self.idle else Entry(self.path, step, kind, counts(rows)))

    def step_rows(self, rows: Any) -> None:
        """The rows of the step that began last."""
        if self.log is not None and not self.idle:
            self.log.entries[-1] = replace(self.log.entries[-1], rows=counts(rows))

    def step_done(self, done: bool) -> None:
        """Whether the step that began last had anything to do."""
        if self.log is not None and not self.idle and not done:
            self.log.drop()

    def loss(self, name: str, value: Tensor) -> None:
        """Adds to a named loss."""
        name = self.path + name
        self.record.losses[name] = self.record.losses[name] + value if name in self.record.losses else value

    def next(self, state: Tensor, value: Tensor) -> None:
        """What a state is from the next call on."""
        self.record.nexts.append((state, value))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
@cache
def path_key(path: str) -> int:
    """The key of a draw: the first 8 bytes of the path's SHA-256."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "little")


def of_way(given: Any, way: int | None) -> Any:
    """Of a decision to replay, what it says of one way (None: of all)."""
    if given is None or way is None:
        return given
    return tuple(part[..., way] for part in given) if isinstance(given, tuple) else given[..., way]


def replayed(given: Any, kept: Tensor, rows: Tensor | None, axes: int) -> Tensor:
    """The decision to replay, dense or (decision, where known), for what is computed here."""
    decision, known = given if isinstance(given, tuple) else (given, None)
    if rows is not None:
        decision = decision.flatten(0, axes - 1).index_select(0, rows).reshape(kept.shape)
        known = None if known is None else known.flatten(0, axes - 1).index_select(0, rows).reshape(kept.shape)
    return decision if known is None else decision.where(known, kept)
