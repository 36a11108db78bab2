"""What is resident when: the entries of a schedule, as a graph carries them and its text shows them.

A *unit* is a member of a chunk that the outermost graph calls, under its full path (`block.3`): all parameters below that path
are loaded together. States stay where they are (they are written), and so do the parameters outside of units.

| word | what it does with |
| --- | --- |
| `acquire` | a unit: it is resident from here to its `release`. Waits for its load, or loads it |
| `prefetch` | a unit: its load begins, and what runs meanwhile hides it |
| `run` | a call path: what this call (or the way of a fuse around it) computes |
| `release` | a unit: it may go from here on, and stays while nothing needs the room |
| `evict` | a unit: its room is for the load that follows |

Which calls a selection leaves out is known when it has decided: their `acquire` and `run` do nothing, nor does a `prefetch` or
`evict` for them. So a schedule holds for the most that can be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Word = Literal["acquire", "prefetch", "run", "release", "evict"]
WORDS: tuple[Word, ...] = get_args(Word)


@dataclass(frozen=True, slots=True)
class Residency:
    """One entry of a schedule. `path` is that of a unit, or of the call that runs."""

    word: Word
    path: str

    def __str__(self) -> str:
        return f'{self.word} "{self.path}"'
