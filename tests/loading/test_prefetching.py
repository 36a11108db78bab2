"""Loading ahead: on where it wins, off where it loses, tried again; and the guesses that it makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

import pytest

from chunkc.compiler.loading.forecasting import LIKELY, Forecast
from chunkc.compiler.loading.prefetching import COST, TRIAL, Prefetching
from chunkc.compiler.loading.residents import Residents, Traffic

ORDER = tuple(f"block.{i}" for i in range(16))


def store(guesses: int, room: int = 4) -> Residents:
    """Blocks of a plan, of which each decides late whether it runs."""
    made = Residents(dict.fromkeys(ORDER, 1), room, ORDER)
    made.guesses = made.ahead = guesses
    made.forecast.open = frozenset(ORDER)
    return made


def run(made: Residents, calls: Iterable[Callable[[str], bool]]) -> Traffic:
    """Calls, each with what it uses."""
    for used in calls:
        with made.call() as lease:
            for unit in ORDER:
                ran = used(unit)
                if ran:
                    lease.acquire(unit)
                lease.passed(unit)
                if ran:
                    lease.release(unit)
    return made.traffic


def among(*sets: Sequence[int]) -> list[Callable[[str], bool]]:
    return [lambda unit, chosen=chosen: int(unit[6:]) in chosen for chosen in sets]  # type: ignore[misc]


def test_calls_that_are_alike_are_guessed() -> None:
    """Most of what would be waited for is there. More is loaded, because what is on its way takes room that would keep others."""
    rng = random.Random(0)
    calls = among(*([i for i in range(16) if rng.random() < (0.95 if i % 2 else 0.05)] for _ in range(300)))
    plain, guessed = run(store(0), calls), run(store(2), calls)
    assert guessed.misses < 0.4 * plain.misses
    assert guessed.bytes <= 1.5 * plain.bytes


def test_a_pattern_is_guessed() -> None:
    """Odd and even blocks in turn: of no block more than half of the calls."""
    calls = among(*([i for i in range(16) if i % 2 == call % 2] for call in range(200)))
    plain, guessed = run(store(0), calls), run(store(2), calls)
    assert guessed.misses < 0.4 * plain.misses
    assert guessed.bytes <= 1.2 * plain.bytes


def test_a_chain_is_guessed_by_the_one_before() -> None:
    """Pairs run together or not at all, by a coin."""
    rng = random.Random(0)
    calls = among(*([i for pair in range(8) if rng.random() < 0.5 for i in (2 * pair, 2 * pair + 1)] for _ in range(300)))
    plain, guessed = run(store(0), calls), run(store(2), calls)
    assert guessed.misses < 0.75 * plain.misses
    assert guessed.bytes <= 1.15 * plain.bytes


def adversary(made: Residents) -> Callable[[str], bool]:
    """Uses what is not held likely, and nothing else."""
    before: list[bool] = [False]

    def used(unit: str) -> bool:
        before[0] = made.forecast.chance(unit, before[0] if unit != ORDER[0] else None) < LIKELY and unit not in made.unused
        return before[0]

    return used


def test_guesses_that_lose_are_given_up() -> None:
    made, calls = store(2), 600
    uses: list[set[str]] = []

    def remembered(used: Callable[[str], bool]) -> Callable[[str], bool]:
        def told(unit: str) -> bool:
            ran = used(unit)
            if ran:
                uses[-1].add(unit)
            return ran

        return told

    for _ in range(calls):
        uses.append(set())
        run(made, [remembered(adversary(made))])
    guessed = made.traffic
    plain = run(store(0), [lambda unit, chosen=chosen: unit in chosen for chosen in uses])  # type: ignore[misc]
    account = made.prefetching.accounts["guess"]
    assert account.wasted > 2 * account.used, "the guesses do lose"
    assert guessed.bytes <= 1.03 * plain.bytes + 2 * made.room
    assert account.left < 2, "off"


def test_it_is_tried_again() -> None:
    """After many calls in which guesses lose come some in which they win."""
    made = store(2)
    run(made, [adversary(made) for _ in range(500)])
    before = made.traffic
    steady = among(*[range(0, 16, 2)] * 300)
    after = run(made, steady)
    assert after.misses - before.misses < 0.5 * 8 * 300
    assert made.prefetching.accounts["guess"].left > 2


def test_the_same_calls_give_the_same_loads() -> None:
    rng = random.Random(3)
    calls = among(*([i for i in range(16) if rng.random() < 0.7] for _ in range(100)))
    assert run(store(2), calls) == run(store(2), calls)


# ---- the parts


def test_what_is_known_is_no_guess() -> None:
    forecast = Forecast(frozenset(ORDER))
    assert not list(forecast.likely(ORDER, 0, {}, None))
    found = forecast.likely((*ORDER, "head"), 0, {"block.3": True, "block.4": False}, None)
    assert list(found) == [("block.3", "decided"), ("head", "decided")]


def test_near_misses_are_told_from_misses() -> None:
    """What came near is used in the next call, what did not is not: by whether it was used alone, nobody could tell."""
    forecast, rng = Forecast(frozenset(ORDER)), random.Random(0)
    line, after = forecast.lines["block.0"], {True: 0.0, False: 0.0}
    for _ in range(300):
        near = rng.random() < 0.5
        for used, score in ((False, 1.9 if near else 0.0), (near, 2.5 if near else 0.0), (False, 0.0), (False, 0.0)):
            (found,) = line.near([score], [used])
            forecast.passed("block.0", used, None, found)
            if score == 1.9 or not (used or near):
                after[near] = forecast.chance("block.0")
    assert after[True] > LIKELY > 0.3 > after[False]


@pytest.mark.parametrize("kind", ["decided", "guess"])
def test_the_credit(kind: str) -> None:
    """Wasted are at most one cache, what was used, and a share of what is loaded."""
    prefetching, rng = Prefetching(100), random.Random(0)
    account, loaded = prefetching.accounts[kind], 0  # type: ignore[index]
    for i in range(5000):
        if rng.random() < 0.5:
            prefetching.loaded(f"need {i}", 10, [], None)
            loaded += 10
        elif prefetching.allows(10, kind):  # type: ignore[arg-type]
            prefetching.loaded(f"ahead {i}", 10, [], kind)  # type: ignore[arg-type]
            (prefetching.used if rng.random() < 0.3 else prefetching.dropped)(f"ahead {i}", 10)
        assert COST * (account.wasted - 100) <= account.used + TRIAL * loaded + 1e-6
    assert account.used > 0


def test_what_went_for_a_prefetch_and_comes_back_is_its_fault() -> None:
    prefetching = Prefetching(10)
    prefetching.loaded("new", 4, ["old"], "guess")
    prefetching.loaded("old", 3, [], None)
    assert prefetching.accounts["guess"].wasted == 3
    prefetching.loaded("other", 4, ["more"], "guess")
    prefetching.used("other", 4)
    prefetching.loaded("more", 3, [], None)
    assert prefetching.accounts["guess"].wasted == 3, "it would have gone for it in any case"
