"""What a call left besides its outputs: losses, decisions, rows that ran, next states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...compiler.loading.residents import Traffic
from .caching import Found
from .context import Record
from .kernels.routing import scatter_rows


@dataclass(frozen=True, slots=True)
class Stats:
    """What one selection kept. `load`: decisions that kept each way (or part); `share`: of all ways, how many were kept.

    `known`: how many decisions were taken (a router inside a chunk decides only where the chunk runs). `rows`: on how many
    rows each way ran, by fuse; empty where all ways were computed everywhere. `cached`: how many rows of what decides were
    held by a cache, and of how many; None where there is no cache."""

    kept: Tensor
    ways: int
    decisions: int
    known: int
    load: tuple[int, ...]
    share: float
    rows: dict[str, tuple[int, ...]]
    cached: tuple[int, int] | None = None


class CallStats(dict[str, Stats]):
    """Of each selection, by path, what it kept in the last call. `memory`: what all calls together loaded and waited for, and
    what is resident now; None where everything is, always."""

    def __init__(self, selections: Mapping[str, Stats], memory: Traffic | None) -> None:
        super().__init__(selections)
        self.memory = memory


@dataclass(frozen=True, slots=True)
class Last:
    """What the last call left."""

    losses: dict[str, Tensor]
    kept: dict[str, tuple[Tensor, Tensor | None, tuple[int, ...]]]
    ran: dict[str, list[Tensor]]
    nexts: tuple[tuple[Tensor, Tensor], ...]
    draws: bool
    found: dict[str, tuple[int, int]]
    """For each cache, how many of how many rows it held."""

    @staticmethod
    def of(record: Record, nexts: tuple[tuple[Tensor, Tensor], ...], draws: bool) -> Last:
        return Last(record.losses, record.kept, record.ran, nexts, draws, _found(record.found))


def _found(found: Mapping[str, Found]) -> dict[str, tuple[int, int]]:
    return {path: (one.hits, one.rows) for path, one in found.items()}


@dataclass(frozen=True, slots=True)
class Shape:
    """The order in which a region gives what it leaves."""

    losses: tuple[str, ...]
    kept: tuple[str, ...]
    ran: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]
    draws: bool
    found: tuple[str, ...]

    def last(self, module: nn.Module, left: tuple[Any, ...]) -> Last:
        losses, kept, ran, nexts, found = left
        states = tuple(zip((_state(module, path) for path in self.states), nexts))
        probed = _found(dict(zip(self.found, found)))
        return Last(
            dict(zip(self.losses, losses)), dict(zip(self.kept, kept)), dict(zip(self.ran, ran)), states, self.draws, probed
        )

    def recall(self, left: Any, record: Record, states: Sequence[Any]) -> None:
        """Puts what a part of a call left into the record of the whole."""
        for place, name in enumerate(self.losses):
            value = left[0][place]
            record.losses[name] = record.losses[name] + value if name in record.losses else value
        record.kept.update({name: left[1][place] for place, name in enumerate(self.kept)})
        record.ran.update({name: left[2][place] for place, name in enumerate(self.ran)})
        record.nexts += [(state, left[3][place]) for place, state in enumerate(states)]
        record.draws += self.draws
        record.found.update({name: left[4][place] for place, name in enumerate(self.found)})


def flatten(record: Record, path_of: Callable[[Any], str]) -> tuple[tuple[Any, ...], Shape]:
    """A record as nested tuples without names, and the names."""
    states = tuple(tuple(path_of(state).split(".")) for state, _ in record.nexts)
    flat = (
        tuple(record.losses.values()),
        tuple(record.kept.values()),
        tuple(record.ran.values()),
        tuple(value for _, value in record.nexts),
        tuple(record.found.values()),
    )
    names = (tuple(record.losses), tuple(record.kept), tuple(record.ran))
    return flat, Shape(*names, states, record.draws > 0, tuple(record.found))


def _state(module: nn.Module, path: Sequence[str]) -> Tensor:
    for label in path[:-1]:
        child = module._modules[label]
        assert child is not None
        module = child
    state = module._buffers[path[-1]]
    assert state is not None
    return state


def losses(last: Last | None) -> dict[str, Tensor]:
    """Each loss by name; what a `for` added is there by index and summed."""
    found: dict[str, Tensor] = {}
    for name, value in (last.losses if last else {}).items():
        found[name] = value
        stem, _, index = name.rpartition(".")
        while stem and index.isdigit():
            found[stem] = found[stem] + value if stem in found else value
            stem, _, index = stem.rpartition(".")
    return found


def dense(kept: Tensor, rows: Tensor | None, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
    """A decision in its dense shape, and where it was taken (None: everywhere)."""
    kept = kept.detach()
    if rows is None:
        return kept, None
    count = int(torch.Size(sizes).numel())
    inner = kept.reshape(kept.shape[0], *kept.shape[len(sizes) :])
    shape = (*sizes, *inner.shape[1:])
    known = scatter_rows(torch.ones_like(inner), rows, count)
    return scatter_rows(inner, rows, count).reshape(shape), known.reshape(shape)


def decisions(last: Last | None) -> dict[str, Any]:
    """By path: kept, or (kept, known)."""
    found = {path: dense(*entry) for path, entry in (last.kept if last else {}).items()}
    return {path: kept if known is None else (kept, known) for path, (kept, known) in found.items()}


def selections(last: Last | None) -> dict[str, Stats]:
    """What each selection kept."""
    found = {}
    for path, entry in (last.kept if last else {}).items():
        if path.endswith(":first"):
            continue
        kept, known = dense(*entry)
        ways = kept.shape[-1]
        flat = kept.reshape(-1, ways)
        total = flat.shape[0] if known is None else int(known.reshape(-1, ways)[:, 0].sum())
        load = tuple(int(count) for count in flat.sum(0))
        rows = {name: _counts(ran) for name, ran in (last.ran if last else {}).items() if name.partition(":")[0] == path}
        share = sum(load) / max(1, total * ways)
        found[path] = Stats(kept, ways, flat.shape[0], total, load, share, rows, last.found.get(path) if last else None)
    return found


def _counts(ran: Sequence[Tensor]) -> tuple[int, ...]:
    return tuple(rows.shape[0] for rows in ran)
