"""A schedule followed entry by entry, for the most that can be kept, from a store that holds nothing: what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..ir import Graph, Node
from ..residency import Residency
from .uses import Needs, Use, events_before


def followed(outlined: Graph, needs: Needs, entries: Sequence[Residency], room: int) -> Iterator[str]:
    """What is wrong: something runs that is not resident or not yet due, the budget is exceeded, something is not released."""
    state = _State(needs, room, events_before(outlined, needs.uses))
    for i, entry in enumerate(entries):
        message = state.step(entry)
        if message:
            yield f"entry {i} of the plan, `{entry}`: {message}"
            return
    left = [use.name for use in needs.uses if use.name not in state.ran]
    if left:
        yield f"the plan does not run `{left[0]}`"
    if state.held:
        yield f"the plan does not release `{min(state.held)}`"


@dataclass(slots=True)
class _State:
    """What is resident, and held there, between two entries."""

    needs: Needs
    room: int
    before: dict[Node, int]
    resident: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)
    bytes: int = 0
    uses: dict[str, Use] = field(init=False)
    bits: dict[Node, int] = field(init=False)
    left: dict[Node, int] = field(init=False)
    of: dict[Node, list[Use]] = field(init=False)
    done: int = 0
    open: Node | None = None

    def __post_init__(self) -> None:
        self.uses = {use.name: use for use in self.needs.uses}
        self.bits, self.left, self.of = {}, {}, {}
        for use in self.needs.uses:
            self.bits.setdefault(use.node, 1 << len(self.bits))
            self.left[use.node] = self.left.get(use.node, 0) + 1
            self.of.setdefault(use.node, []).append(use)

    def step(self, entry: Residency) -> str:
        """Follow one entry; what is wrong with it, or ""."""
        if entry.word == "run":
            return self.run(entry.path)
        if entry.path not in self.needs.units:
            return "there is no such chunk"
        match entry.word:
            case "acquire" | "prefetch":
                return self.load(entry.path, hold=entry.word == "acquire")
            case "release":
                found = "" if entry.path in self.held else "it is not held"
                self.held.discard(entry.path)
                return found
            case "evict":
                return self.evict(entry.path)

    def load(self, unit: str, hold: bool) -> str:
        if hold and unit in self.held:
            return "it is held already"
        if not hold and unit in self.resident:
            return "it is resident already"
        if hold:
            self.held.add(unit)
        if unit not in self.resident:
            self.resident.add(unit)
            self.bytes += self.needs.units[unit]
        over = self.bytes - self.room
        return f"{over:,} bytes more than the budget are resident" if over > 0 else ""

    def evict(self, unit: str) -> str:
        if unit not in self.resident or unit in self.held:
            return "it is held" if unit in self.held else "it is not resident"
        self.resident.remove(unit)
        self.bytes -= self.needs.units[unit]
        return ""

    def run(self, name: str) -> str:
        """A use: all that it needs is held, what it depends on has run, and no other is half done."""
        use = self.uses.get(name)
        if use is None or name in self.ran:
            return "it has run already" if use else "there is no such call"
        missing = [unit for unit in use.units if unit not in self.held]
        if missing:
            return f"`{missing[0]}` is not acquired"
        if self.before[use.node] & ~self.done or self.open not in (None, use.node):
            return "what stands before it has not run"
        if use.chained and any(other.way < use.way and other.name not in self.ran for other in self.of[use.node]):
            return "the rung before it has not run"
        self.ran.add(name)
        self.left[use.node] -= 1
        self.open = use.node if self.left[use.node] else None
        self.done |= 0 if self.left[use.node] else self.bits[use.node]
        return ""
