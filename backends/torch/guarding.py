"""Guards of likely computations: asked of each call's rows on the host, and counted."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .hosting import counted, host_step


@dataclass(frozen=True, slots=True)
class GuardStats:
    """How often a guard was asked in all calls of a module, and how often it held: the full computation ran the other times."""

    held: int
    asked: int


class Guards:
    """The counts of a module's guards, by path. A copy of the module begins anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}

    def count(self, path: str, held: bool) -> None:
        self._add(path, int(held), 1)
        counted(lambda: self._add(path, -int(held), -1))

    def _add(self, path: str, held: int, asked: int) -> None:
        with self._lock:
            before = self._counts.get(path, (0, 0))
            self._counts[path] = before[0] + held, before[1] + asked

    def stats(self) -> dict[str, GuardStats]:
        with self._lock:
            return {path: GuardStats(*counts) for path, counts in self._counts.items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> Guards:
        return Guards()


@host_step
def without(module: Any, path: str, rows: list[Tensor], ways: tuple[int, ...]) -> bool:
    """Whether none of these ways has rows. False in a pure region, which runs the full computation."""
    return module is not None and _counted(module, path, all(rows[way].shape[0] == 0 for way in ways))


@host_step
def alone(module: Any, path: str, rows: list[Tensor], kept: Tensor, axes: int, ways: tuple[int, ...]) -> bool:
    """Whether these ways have all rows of the first `axes` axes of `kept`, and the others none. False in a pure region."""
    if module is None:
        return False
    count = kept.shape[:axes].numel()
    return _counted(module, path, all(at.shape[0] == (count if way in ways else 0) for way, at in enumerate(rows)))


def _counted(module: Any, path: str, held: bool) -> bool:
    module._guards.count(path, held)
    return held
