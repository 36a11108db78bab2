"""Where the entries of a schedule stand among the steps of a plan, and what has to be kept for each to be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..ir import Graph, Node
from ..residency import Residency, Word
from .following import followed
from .scheduling import schedule_of
from .uses import Needs, Use, events_before, in_order, needs_of

Wanted = tuple[tuple[Node, int], ...]


@dataclass(frozen=True, slots=True)
class Move:
    """An entry that moves a unit. `wanted`, `target`: as of a `Step`."""

    word: Word
    unit: str
    wanted: Wanted = ()
    target: str = ""


Moves = dict[Use, tuple[Move, ...]]


@dataclass(frozen=True, slots=True)
class Residence:
    """The uses of each node in the order in which they run, and the moves before and behind each use."""

    uses: Mapping[Node, tuple[Use, ...]]
    before: Mapping[Use, tuple[Move, ...]]
    behind: Mapping[Use, tuple[Move, ...]]


NOTHING = Residence({}, {}, {})


def reside(outlined: Graph, room: int | None) -> tuple[Graph, Residence]:
    """The graph with its nodes in the order of its schedule, and the moves.

    A graph for some of the outputs may lack calls that the schedule of the whole runs: entries for units that it never reads are
    left out. Where it has others (more is skipped where less is asked for), a schedule for the same `room` is made for it.
    """
    if not outlined.schedule or room is None:
        return outlined, NOTHING
    needs = needs_of(outlined)
    known = {use.name: use for use in needs.uses}
    read = {unit for use in needs.uses for unit in use.units}
    kept = tuple(entry for entry in outlined.schedule if entry.path in (known if entry.word == "run" else read))
    if any(followed(outlined, needs, kept, room)):
        kept = schedule_of(outlined, needs, room)
    order = [known[entry.path] for entry in kept if entry.word == "run"]
    moves = list(_moves(kept, known, _Decided(outlined, needs)))
    uses: dict[Node, tuple[Use, ...]] = {}
    for use in order:
        uses[use.node] = (*uses.get(use.node, ()), use)
    before, behind = _placed(moves, order)
    return in_order(outlined, order), Residence(uses, before, behind)


def _placed(moves: Sequence[Move | None], order: Sequence[Use]) -> tuple[Moves, Moves]:
    """The moves before each use, and behind it: there stand the releases of what ran. None: a use runs."""
    before: Moves = dict.fromkeys(order, ())
    behind: Moves = dict.fromkeys(order, ())
    ran, still = -1, True
    for move in moves:
        if move is None:
            ran, still = ran + 1, True
            continue
        still = still and ran >= 0 and move.word == "release"
        last = ran + 1 == len(order)
        home, use = (behind, order[ran]) if still or last else (before, order[ran + 1])
        home[use] += (move,)
    return before, behind


class _Decided:
    """Follows which events have run, and so which selections have decided."""

    def __init__(self, outlined: Graph, needs: Needs) -> None:
        self.before = events_before(outlined, needs.uses)
        self.bits = {node: 1 << i for i, node in enumerate(dict.fromkeys(use.node for use in needs.uses))}
        self.left = Counter(use.node for use in needs.uses)
        self.done = 0

    def ran(self, use: Use) -> None:
        self.left[use.node] -= 1
        self.done |= 0 if self.left[use.node] else self.bits[use.node]

    def known(self, choice: Node) -> bool:
        return not self.before[choice] & ~self.done


def _moves(entries: Sequence[Residency], known: Mapping[str, Use], decided: _Decided) -> Iterator[Move | None]:
    """Each entry as a move; None where a use runs. An eviction that makes room for nothing is left out."""
    resident: set[str] = set()
    for i, entry in enumerate(entries):
        match entry.word:
            case "run":
                decided.ran(known[entry.path])
                yield None
            case "release":
                yield Move("release", entry.path)
            case "evict":
                resident.discard(entry.path)
                loads = (k for k in range(i + 1, len(entries)) if entries[k].word in ("acquire", "prefetch"))
                place = next((k for k in loads if entries[k].path not in resident), None)
                if place is not None:
                    yield Move("evict", entry.path, _wanted(entries, place, known, decided), entries[place].path)
            case _:
                resident.add(entry.path)
                yield Move(entry.word, entry.path, _wanted(entries, i, known, decided))


def _wanted(entries: Sequence[Residency], place: int, known: Mapping[str, Use], decided: _Decided) -> Wanted:
    """What must be kept for a load to be of use: while the unit is held, or (for a prefetch) where it is read next."""
    load = entries[place]
    readers: list[Use] = []
    for entry in entries[place + 1 :]:
        if entry.word == "run" and load.path in known[entry.path].units:
            readers.append(known[entry.path])
        if entry.path == load.path and entry.word == "release" or (readers and load.word == "prefetch"):
            break
    due = load.word == "acquire"
    pairs = [
        (use.choice, use.way) for use in readers if use.choice is not None and (due if use.chained else decided.known(use.choice))
    ]
    return tuple(pairs) if len(pairs) == len(readers) else ()
