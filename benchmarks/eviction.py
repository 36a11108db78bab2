"""`python -m benchmarks.eviction`: what each policy loads for sequences of uses, written to the tables of `docs/eviction.md`.

Everything is counted and nothing is timed, so that every machine gets the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chunkc.compiler.loading.eviction import policy_of
from chunkc.compiler.loading.replaying import bound, loads, optimal
from chunkc.simulator.workloads.uses import cyclic, drawn, drifting, informed, scanned

PAGE = Path(__file__).resolve().parent.parent / "docs" / "eviction.md"
MARK = "### What is asked"
HEAD = "| {} | lru | lfu | adaptive | what knows | adaptive / lru, worst | adaptive / what knows |"
RULES = ("lru", "lfu", "adaptive")


@dataclass(frozen=True, slots=True)
class Case:
    """Sequences of one kind. `alpha`: of Zipf's law, where something could know the distribution; `uses`: by seed."""

    title: str
    chunks: int
    room: float
    uses: Callable[[int], Sequence[str]]
    alpha: float | None = None
    uneven: bool = False

    def sizes(self, seed: int) -> dict[str, int]:
        """Equal, or from a log-normal distribution (the largest of 64 are about 30 times as large as the smallest)."""
        scale = 0.8 if self.uneven else 0.0
        found = np.exp(np.random.default_rng(seed).normal(0.0, scale, self.chunks))
        return {str(i): max(1, round(1000 * size)) for i, size in enumerate(found)}


def row(case: Case, seeds: int) -> str:
    """Means over the seeds, in bytes loaded for each that Belady loads, and the worst seed against lru."""
    found = np.array([measured(case, seed) for seed in range(seeds)])
    lru, lfu, adaptive, knows = found.mean(0)
    worst = (found[:, 2] / found[:, 0]).max()
    known = ("–", "–") if case.alpha is None else (f"{knows:.2f}", f"{(found[:, 2] / found[:, 3]).max():.3f}")
    print(case.title, f"{lru:.2f} {lfu:.2f} {adaptive:.2f}", *known, f"{worst:.3f}", flush=True)
    return f"| {case.title} | {lru:.2f} | {lfu:.2f} | {adaptive:.2f} | {known[0]} | {worst:.3f} | {known[1]} |"


def measured(case: Case, seed: int) -> list[float]:
    uses, sizes = case.uses(seed), case.sizes(seed)
    room = max(round(case.room * sum(sizes.values())), max(sizes.values()))
    best = optimal(uses, sizes, room)
    assert bound(uses, sizes, room) <= best
    policies = [policy_of(rule, sizes, lambda unit: 0, room, 0) for rule in RULES]
    counts = [loads(policy, uses, sizes, room) / best for policy in policies]
    knows = 0.0 if case.alpha is None else loads(informed(sizes, case.alpha), uses, sizes, room) / best
    return [*counts, knows]


def zipf(length: int, chunks: int, alpha: float, room: float, title: str = "", uneven: bool = False) -> Case:
    return Case(title or f"{chunks}, {room:.3g}, {alpha}", chunks, room, lambda s: drawn(length, chunks, alpha, s), alpha, uneven)


def asked() -> Iterator[Case]:
    """Over 20 seeds, 64 chunks and room for an eighth."""
    for length in (5_000, 20_000):
        for alpha in (0.8, 1.0, 1.2, 1.4):
            yield zipf(length, 64, alpha, 1 / 8, f"Zipf {alpha}, {length:,} uses")
    for length in (5_000, 20_000):
        yield zipf(length, 64, 0.0, 1 / 8, f"uniform, {length:,} uses")
    for phase in (250, 1000, 4000):
        title = f"Zipf 1.0, others popular after each {phase:,}"
        yield Case(title, 64, 1 / 8, lambda s, phase=phase: drawn(10_000, 64, 1.0, s, phase))
    for chunks in (10, 64):
        yield Case(f"a cycle of {chunks} (room for 8)", chunks, 8 / chunks, lambda s, chunks=chunks: cyclic(5_000, chunks))


def wider() -> Iterator[Case]:
    """Other numbers of chunks, room and alpha."""
    for chunks in (16, 64, 256):
        for room in (1 / 8, 1 / 4, 1 / 2):
            for alpha in (0.0, 0.6, 1.0, 1.4):
                yield zipf(40 * chunks + 4_000, chunks, alpha, room)
    for length in (20_000, 60_000):
        yield zipf(length, 64, 1.4, 1 / 2, f"64, 0.5, 1.4, {length:,} uses")


def others() -> Iterator[Case]:
    """Other kinds."""
    for chunks, room in ((64, 1 / 8), (64, 1 / 2), (256, 1 / 4)):
        beside = f"{chunks}, {room:.3g}: "
        for phase in (64, 250, 1000, 4000):
            yield Case(f"{beside}phases of {phase}", chunks, room, lambda s, c=chunks, p=phase: drawn(8_000, c, 1.0, s, p))
        for every in (4, 40, 400):
            yield Case(
                f"{beside}two change places after {every}",
                chunks,
                room,
                lambda s, c=chunks, e=every: drifting(8_000, c, 1.0, s, e),
            )
        for every in (50, 500):
            yield Case(
                f"{beside}read through after {every}", chunks, room, lambda s, c=chunks, e=every: scanned(8_000, c, 1.0, s, e)
            )
        yield Case(f"{beside}a cycle", chunks, room, lambda s, c=chunks: cyclic(8_000, c))


def uneven() -> Iterator[Case]:
    """Different sizes."""
    for chunks, room in ((64, 1 / 8), (64, 1 / 4), (64, 1 / 2), (256, 1 / 4)):
        for alpha in (0.0, 0.8, 1.2):
            yield zipf(8_000, chunks, alpha, room, uneven=True)


WIDER = (
    "More and fewer chunks (chunks, share of them that fits, alpha of Zipf's law, 0: uniform; 40 uses a chunk and 4,000), 3 seeds"
)
TABLES = (
    ("What is asked: 64 chunks, room for 8, 20 seeds", "uses", asked, 20),
    (WIDER, "uses", wider, 3),
    ("Other kinds of sequences (alpha 1; chunks, share that fits), 3 seeds", "uses", others, 3),
    ("Chunks of different sizes (log-normal; chunks, share of the bytes that fits, alpha), 3 seeds", "uses", uneven, 3),
)


def main() -> None:
    """Count, print, and write the page."""
    lines = []
    for title, first, cases, seeds in TABLES:
        lines += ["", f"### {title}", "", HEAD.format(first), "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
        lines += [row(case, seeds) for case in cases()]
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(MARK)] + "\n".join(lines).lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
