"""Whether the page cache keeps what is read, and whether to read past it.

Through the page cache a chunk that is loaded again is there at the speed of memory, while the cache has room for the model. Where
it has none (the model is larger than free memory, a container's limit is small), each load comes from the disk all the same,
takes pages from whatever else lies in the cache, and costs the processor what it takes to lay them out. So the loader watches: of
what it read through the cache it looks, when it loads it again, whether it is still there. While it mostly is not, what is in no
cache is read straight into memory of the loader's own; now and then one load goes through the cache, to see whether it keeps it
now. (Where reading past it is slower, as into memory without huge pages, it is the other way round.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Literal

WEIGHT = 0.25
"""Of the last chunk in what is held of the cache: three that went in a row, and it counts as one that keeps nothing."""
TRIED = 16
"""Of so many reads from the disk one takes the other way."""
LEAST, LAST = 3, 8
"""So many reads past the cache come before the two ways are compared, each by the fastest of its last: memory is laid out in the
first, and any may be disturbed."""

Way = Literal["cached", "through", "past"]
"""How a chunk comes into memory: it lies in the page cache; it comes from the disk through it, or past it."""


class PageCache:
    """What is known of it.

    `kept`: of what was read through it, the share that was there when it was loaded again (a running mean); `pace`: seconds a
    byte of the last reads from the disk, either way; `through`: what was last read through it; `only`: the way from the disk that
    is always taken, to measure it.
    """

    def __init__(self) -> None:
        self.kept = 1.0
        self.pace: dict[Way, deque[float]] = {"through": deque(maxlen=LAST), "past": deque(maxlen=LAST)}
        self.through: set[Hashable] = set()
        self.only: Way | None = None
        self.reads = 0

    def way(self, what: Hashable, here: bool) -> Way:
        """How to load something. `here`: whether most of it lies in the cache."""
        if what in self.through:
            self.kept += WEIGHT * (here - self.kept)
        way: Way = "cached" if here else self.only or self._from_disk()
        if way == "past":
            self.through.discard(what)
        else:
            self.through.add(what)
        return way

    def _from_disk(self) -> Way:
        """The faster way while the cache keeps little; each `TRIED`th time the other."""
        if self.kept >= 0.5:
            return "through"
        self.reads += 1
        through, past = self.pace["through"], len(self.pace["past"]) < LEAST
        past = past or not through or min(self.pace["past"]) <= min(through)
        return "past" if past == bool(self.reads % TRIED) else "through"

    def took(self, way: Way, size: int, seconds: float) -> None:
        """A read from the disk is through."""
        self.pace[way].append(seconds / size)
