"""Task graphs drawn by hypothesis: small whole numbers, so that many things happen at the same moment."""

from __future__ import annotations

from hypothesis import strategies as st

from chunkc.simulator.engine import TaskList, Tasks

RESOURCES, POOLS = ("dram", "link", "disk"), ("sram", "host")


@st.composite
def task_graphs(draw: st.DrawFn, most: int = 14, *, private: bool = False, holds: bool = True) -> Tasks:
    """
    Up to `most` tasks on up to four queues.

    Args:
        private: each resource is used by one queue only, so that transfers never share.
        holds: some tasks take bytes of pools, until their own end or that of a later task.
    """
    tasks = TaskList()
    count = draw(st.integers(1, most))
    small = st.integers(0, 4)
    for i in range(count):
        queue = draw(st.integers(0, 3))
        usable = RESOURCES[queue : queue + 1] if private else RESOURCES
        moves = draw(st.dictionaries(st.sampled_from(usable), st.integers(1, 12), max_size=2)) if usable else {}
        after = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else ()
        latency = draw(st.sampled_from([0, 0, 0, 1])) if moves else 0
        tasks.add(f"queue {queue}", draw(small), latency=latency, after=after, moves=moves, step=i // 2)
    for _ in range(draw(st.integers(0, 6)) if holds else 0):
        first = draw(st.integers(0, count - 1))
        last = draw(st.integers(first, min(count - 1, first + 4)))
        tasks.hold(draw(st.sampled_from(POOLS)), draw(st.integers(0, 4)), first, last)
    return tasks.done()


def speeds(least: int = 1, most: int = 6) -> st.SearchStrategy[dict[str, float]]:
    """Bandwidth of every resource."""
    return st.fixed_dictionaries({name: st.integers(least, most).map(float) for name in RESOURCES})


def sizes(least: int = 3, most: int = 10) -> st.SearchStrategy[dict[str, float]]:
    """Capacity of every pool; not every graph fits."""
    return st.fixed_dictionaries({name: st.integers(least, most).map(float) for name in POOLS})
