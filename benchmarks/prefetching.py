"""`python -m benchmarks.prefetching`: what guesses load, and what they save, written to the table of `docs/prefetching.md`.

Everything is counted and nothing is timed, so that every machine gets the same numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from chunkc.compiler.loading.residents import Residents

PAGE = Path(__file__).resolve().parent.parent / "docs" / "prefetching.md"
MARK = "## Measured\n"
LAYERS, CALLS = 16, 300
ORDER = tuple(f"block.{i}" for i in range(LAYERS))
Calls = list[set[str]]


def workloads() -> Iterator[tuple[str, Calls]]:
    """What each call uses of 16 layers, of which each decides when it is due whether it runs."""
    rng = random.Random(0)

    def calls(chance: dict[str, float]) -> Calls:
        return [{unit for unit in ORDER if rng.random() < chance[unit]} for _ in range(CALLS)]

    yield (
        "every second layer in 95 % of the calls, the others in 5 %",
        calls({u: 0.95 if i % 2 else 0.05 for i, u in enumerate(ORDER)}),
    )
    yield "odd and even layers in turn", [{unit for i, unit in enumerate(ORDER) if i % 2 == call % 2} for call in range(CALLS)]
    pairs = [[rng.random() < 0.5 for _ in range(LAYERS // 2)] for _ in range(CALLS)]
    yield "pairs that run together or not, by a coin", [{u for i, u in enumerate(ORDER) if coins[i // 2]} for coins in pairs]
    yield "each in 70 % of the calls, by chance", calls(dict.fromkeys(ORDER, 0.7))
    yield "each in half of the calls, by chance", calls(dict.fromkeys(ORDER, 0.5))
    yield "few often, many seldom, by chance", calls({unit: 1 / (1 + i / 3) for i, unit in enumerate(ORDER)})


def run(calls: Calls, room: int, guesses: int) -> Residents:
    """A store that was driven through the calls."""
    store = Residents(dict.fromkeys(ORDER, 1), room, ORDER)
    store.guesses, store.forecast.open = guesses, frozenset(ORDER)
    for used in calls:
        with store.call() as lease:
            for unit in ORDER:
                if unit in used:
                    lease.acquire(unit)
                lease.passed(unit)
                if unit in used:
                    lease.release(unit)
    return store


def row(title: str, calls: Calls, room: int, guesses: int) -> str:
    """One row: waits and loads of each call, without guesses and with them."""
    plain, guessed = run(calls, room, 0), run(calls, room, guesses)
    account = guessed.prefetching.accounts["guess"]
    before, after = plain.traffic, guessed.traffic
    waits, loads = (f"{a / CALLS:.2f} → {b / CALLS:.2f}" for a, b in ((before.misses, after.misses), (before.loads, after.loads)))
    return f"| {title} | {room} | {guesses} | {waits} | {loads} | {account.used} | {account.wasted} |"


def main() -> None:
    """Count, print, and write the page."""
    lines = [
        "",
        f"`python -m benchmarks.prefetching`: {CALLS} calls of {LAYERS} layers of one size, each of which may be left out.",
        "*Room for* so many of them, *guesses* so many that may be on their way. *Waits* and *loads*: of a call, without guesses",
        "→ with them. *Used* and *wasted*: what was guessed in all calls. Nothing is timed: every machine counts the same.",
        "",
        "| use of 16 layers | room for | guesses | waits | loads | used | wasted |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for title, calls in workloads():
        lines += [row(title, calls, room, guesses) for room, guesses in ((4, 1), (4, 2), (8, 2))]
    print("\n".join(lines))
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(MARK) + len(MARK)] + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
