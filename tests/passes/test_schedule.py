"""Schedules: the best there is on small plans, never over budget on any, and told where a chunk cannot fit."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from graphs import graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chunkc.compiler.cost import Roofline
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.equality import difference
from chunkc.compiler.ir import Attrs, Graph
from chunkc.compiler.planning.prefetching import entries, seconds
from chunkc.compiler.planning.replacement import (
    Problem,
    Solution,
    Task,
    Times,
    belady,
    candidates,
    greedy_order,
    heuristic,
    optimal,
    solve,
)
from chunkc.compiler.profile import Activity, Profile, fingerprint
from chunkc.compiler.residency import Residency
from chunkc.compiler.verify import problems
from chunkc.grammar.elaborate import loads
from chunkc.grammar.format import format_source
from chunkc.grammar.print_core import print_graph
from chunkc.passes import pipeline
from chunkc.passes.schedule import Schedule

CHAIN = """
model chain(d: int = 4, n: int = 3) {
  input x: f32[B, d]
  chunk block[n](h) { h |> linear(d) |> relu }
  h = x
  for i in 0..n { h = block[i](h) }
  memory { budget = 160B  prefetch = 1 }
  output h
}
"""


def random_problem(random: Random, *, uniform: bool, free: bool, tasks: int = 7) -> Problem:
    """Tasks of one or two units in groups of one to three; `free`: groups depend on few others, else each on all before."""
    names = [f"u{i}" for i in range(random.randint(2, 5))]
    sizes = {name: 4 if uniform else random.randint(1, 9) for name in names}
    found: list[Task] = []
    group = 0
    while len(found) < tasks:
        before = sum(1 << g for g in range(group) if not free or random.random() < 0.3)
        chained = random.random() < 0.3
        for _ in range(min(random.choice((1, 1, 2, 3)), tasks - len(found))):
            count = 1 if uniform else random.choice((1, 1, 2))
            after = before if free else (1 << group) - 1
            found.append(Task(tuple(random.sample(names, count)), group, after, chained=chained))
        group += 1
    largest = max(sum(sizes[unit] for unit in task.units) for task in found)
    if random.random() < 0.3:
        found = [replace(task, chance=random.choice((0.0, 0.25, 1.0))) for task in found]
    return Problem(tuple(found), sizes, largest + random.choice((0, 3, 4, 8, 9)), random.choice((0, 2)))


def held(problem: Problem, solution: Solution) -> int:
    """Follow a solution: all that runs is resident, groups are in order. The most bytes that are resident."""
    resident: set[str] = set()
    done, open_group, most = set(), None, 0
    ran: list[int] = []
    left = {task.group: sum(other.group == task.group for other in problem.tasks) for task in problem.tasks}
    for i, evicted, loaded in zip(solution.order, solution.evicted, solution.loaded):
        task = problem.tasks[i]
        assert open_group in (None, task.group)
        ran.append(i)
        earlier = [k for k in range(i) if task.chained and problem.tasks[k].group == task.group]
        assert set(earlier) <= set(ran)
        assert all(group in done for group in left if task.after >> group & 1)
        assert set(evicted) <= resident and not resident & set(loaded)
        resident = resident - set(evicted) | set(loaded)
        assert set(task.units) <= resident
        most = max(most, sum(problem.sizes[unit] for unit in resident))
        left[task.group] -= 1
        open_group = task.group if left[task.group] else None
        done |= set() if left[task.group] else {task.group}
    assert sorted(solution.order) == list(range(len(problem.tasks)))
    return most


@pytest.mark.parametrize("seed", range(60))
def test_no_heuristic_is_better_than_the_best(seed: int) -> None:
    problem = random_problem(Random(seed), uniform=seed % 2 == 0, free=seed % 3 != 0)
    best, good, chosen = optimal(problem), heuristic(problem), solve(problem, 8)
    assert best is not None
    assert max(held(problem, best), held(problem, good), held(problem, chosen)) <= problem.room
    assert best.cost(problem) == pytest.approx(chosen.cost(problem))
    assert best.cost(problem) <= good.cost(problem) + 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_with_one_order_and_one_size_belady_is_the_best(seed: int) -> None:
    random = Random(seed)
    problem = random_problem(random, uniform=True, free=False)
    problem = replace(problem, tasks=tuple(Task(task.units, i, (1 << i) - 1) for i, task in enumerate(problem.tasks)))
    best = optimal(problem)
    assert best is not None and best.cost(problem) == belady(problem, range(len(problem.tasks))).cost(problem)


def by_hand(problem: Problem, done: tuple[int, ...], resident: frozenset[str]) -> float:
    """The least bytes from here on, by trying everything."""
    left = [i for i in range(len(problem.tasks)) if i not in done]
    if not left:
        return 0
    found = []
    for i in left:
        task = problem.tasks[i]
        begun = {problem.tasks[k].group for k in done if any(problem.tasks[j].group == problem.tasks[k].group for j in left)}
        ready = all(not task.after >> problem.tasks[k].group & 1 for k in left)
        behind = task.chained and any(problem.tasks[k].group == task.group for k in left if k < i)
        if not ready or begun - {task.group} or behind:
            continue
        spare = sorted(resident - set(task.units))
        for bits in range(1 << len(spare)):
            kept = {unit for k, unit in enumerate(spare) if bits >> k & 1} | set(task.units)
            if sum(problem.sizes[unit] for unit in kept) <= problem.room:
                loaded = sum(problem.sizes[unit] for unit in set(task.units) - resident) * task.chance
                found.append(loaded + by_hand(problem, (*done, i), frozenset(kept)))
    return min(found)


@pytest.mark.parametrize("seed", range(15))
def test_the_search_finds_what_trying_everything_finds(seed: int) -> None:
    problem = random_problem(Random(seed), uniform=seed % 2 == 0, free=True, tasks=5)
    best = optimal(problem)
    assert best is not None and best.cost(problem) == pytest.approx(by_hand(problem, (), frozenset()))


@pytest.mark.parametrize("seed", range(30))
def test_loads_begun_early_are_no_more_and_never_over_budget(seed: int) -> None:
    random = Random(seed)
    problem = random_problem(random, uniform=False, free=seed % 2 == 0)
    solution = solve(problem, 8)
    names = [f"t{i}" for i in range(len(problem.tasks))]
    waits = [task.after if random.random() < 0.5 else 0 for task in problem.tasks]
    resident: set[str] = set()
    acquired: set[str] = set()
    loaded: list[str] = []
    groups: list[int] = []
    for entry in entries(problem, solution, names, waits, random.choice((1, 2, 5))):
        if entry.word == "run":
            task = problem.tasks[names.index(entry.path)]
            assert set(task.units) <= acquired
            groups.append(task.group)
        elif entry.word in ("acquire", "prefetch"):
            assert entry.word == "acquire" or entry.path not in resident
            loaded += [entry.path] if entry.path not in resident else []
            resident.add(entry.path)
            acquired |= {entry.path} if entry.word == "acquire" else set()
        elif entry.word == "release":
            acquired.remove(entry.path)
        else:
            assert entry.path in resident - acquired
            resident.remove(entry.path)
        assert sum(problem.sizes[unit] for unit in resident) <= problem.room
    assert sorted(loaded) == sorted(unit for units in solution.loaded for unit in units) and not acquired


def test_large_plans_take_little_time_and_a_greedy_order_pays() -> None:
    """Two calls of each of 400 chunks, written far apart: next to each other they load once."""
    tasks = tuple(Task((f"u{i % 400}",), i) for i in range(800))
    problem = Problem(tasks, {f"u{i}": 1 for i in range(400)}, 8)
    assert belady(problem, range(800)).cost(problem) > 700
    solution = solve(problem, 8)
    assert solution.order == greedy_order(problem) and held(problem, solution) <= 8


ROUTED = """
model routed(d: int = 4) {
  input x: f32[B, d]
  chunk block[4](h) { h |> linear(d) }
  h = x
  for i in 0..4 {
    router live[i] { score = h |> linear(1)  weight = sigmoid  keep = above(0.3) }
    fuse h = residual(h, block[i](h), by=live[i])
  }
  memory { budget = 1KiB  prefetch = speculative(1) }
  output h
}
"""


def test_a_profile_says_what_to_guess() -> None:
    """Block 1 was never kept, so while block 0 runs block 2 is loaded, which is likely; 3 is rare."""
    graph = loads(ROUTED)
    kept = {"live.0": 90, "live.1": 0, "live.2": 80, "live.3": 10}
    seen = {path: Activity(1, 100, (count,), (1.0,)) for path, count in kept.items()}
    profile = Profile(graph.name, fingerprint(graph), 100, selections=seen)
    for told, expected in (("", ["block.1", "block.2", "block.3"]), (profile, ["block.2"])):
        found = pipeline.run(graph, [Schedule(profile=told)]).schedule
        assert [entry.path for entry in found if entry.word == "prefetch"] == expected
    place = [str(entry) for entry in found].index('prefetch "block.2"')
    assert str(found[place + 1]) == 'run "block.0"'
    with pytest.raises(CompileError) as caught:
        pipeline.run(loads(CHAIN), [Schedule(profile=profile)])
    assert {one.code for one in caught.value.diagnostics} == {"CC0902"}


def scheduled(text: str = CHAIN, **params: object) -> Graph:
    return pipeline.run(loads(text, **params), ["schedule"])


def test_a_schedule_prints_reads_back_and_counts_in_equality() -> None:
    graph = scheduled()
    text = print_graph(graph)
    assert difference(graph, loads(text)) is None and print_graph(loads(text)) == text
    assert difference(graph, loads(format_source(text, "x.cc"))) is None
    assert "schedule" in (difference(graph, replace(graph, schedule=graph.schedule[:-1])) or "")


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(graphs(training=False), st.floats(0.1, 1), st.sampled_from(["ahead", "speculative"]), st.integers(0, 3))
def test_schedules_of_random_graphs_hold(graph: Graph, share: float, kind: str, ahead: int) -> None:
    whole = replace(graph, memory=Attrs(budget=("share", share), prefetch=(kind, ahead)))
    try:
        found = pipeline.run(whole, ["schedule"])
    except CompileError as error:
        assert {one.code for one in error.diagnostics} == {"CC0716"}
        assert share < 1
        return
    assert difference(found, loads(print_graph(found))) is None


def test_another_pass_drops_the_schedule() -> None:
    assert pipeline.run(scheduled(), ["canonicalize"]).schedule == ()


@pytest.mark.parametrize("word", ["run", "acquire", "release"])
def test_the_verifier_misses_every_entry_that_is_lost(word: str) -> None:
    graph = scheduled()
    for i, entry in enumerate(graph.schedule):
        if entry.word == word:
            assert problems(replace(graph, schedule=graph.schedule[:i] + graph.schedule[i + 1 :])), entry


def test_the_verifier_follows_the_budget_and_the_order() -> None:
    graph = scheduled()
    without = tuple(entry for entry in graph.schedule if entry.word != "evict")
    assert "budget" in str(problems(replace(graph, schedule=without))[0])
    assert "no such chunk" in str(problems(replace(graph, schedule=(Residency("evict", "blok.0"),)))[0])
    first = [i for i, entry in enumerate(graph.schedule) if entry.word == "run"]
    swapped = list(graph.schedule)
    swapped[first[0]], swapped[first[1]] = swapped[first[1]], swapped[first[0]]
    assert problems(replace(graph, schedule=tuple(swapped)))


def test_a_chunk_that_cannot_fit_is_told_with_its_place() -> None:
    with pytest.raises(CompileError) as caught:
        scheduled(CHAIN.replace("160B", "70B"))
    (told,) = caught.value.diagnostics
    assert told.code == "CC0716" and "80 bytes" in told.message and "80 bytes" in told.hint
    assert [label.text for label in told.labels] == ["called here", "declared here"]


def test_what_stands_outside_of_chunks_counts() -> None:
    text = "model m(d: int = 4) {\n  input x: f32[B, d]\n  output y = x |> linear(d)\n  memory { budget = 79B }\n}\n"
    with pytest.raises(CompileError, match="80 bytes stand outside of chunks"):
        scheduled(text)
    assert scheduled(text.replace("79B", "80B")).schedule == ()


def test_wrong_plans_are_told() -> None:
    text = print_graph(scheduled())
    for old, new, code in (("acquire", "aquire", "CC0601"), ('"block.2"', '"block.7"', "CC0606")):
        with pytest.raises(CompileError) as caught:
            loads(text.replace(old, new))
        assert {one.code for one in caught.value.diagnostics} == {code}
    with pytest.raises(CompileError) as caught:
        loads(text.replace("\n  output", "\n  plan { }\n  output"))
    assert {one.code for one in caught.value.diagnostics} == {"CC0603"}


@pytest.mark.parametrize("wrong", ["budget=5", 'budget=["share", 2.0]', 'budget=["bytes", 1.5]', 'evict="fifo"', "size=3"])
def test_wrong_memory_is_told(wrong: str) -> None:
    text = f'core m {{training = false, memory = attrs({wrong})}} {{\n  %x = input "x" : f32[B]\n  output "y" = %x\n}}\n'
    with pytest.raises(CompileError) as caught:
        loads(text)
    assert {one.code for one in caught.value.diagnostics} == {"CC0606"}


# ---- in seconds


def replayed(schedule: tuple[Residency, ...], times: Times, tasks: dict[str, int]) -> float:
    """A schedule followed entry by entry: one link, and what runs beside it."""
    clock = link = 0.0
    ready: dict[str, float] = {}
    for entry in schedule:
        if entry.word == "evict":
            del ready[entry.path]
        elif entry.word == "prefetch" or (entry.word == "acquire" and entry.path not in ready):
            link = ready[entry.path] = max(link, clock) + times.loads[entry.path]
        if entry.word == "acquire":
            clock = max(clock, ready[entry.path])
        clock += times.runs[tasks[entry.path]] if entry.word == "run" else 0.0
    return clock


@pytest.mark.parametrize("seed", range(60))
def test_the_seconds_of_a_schedule_are_those_of_following_it(seed: int) -> None:
    random = Random(seed)
    problem = random_problem(random, uniform=False, free=True)
    problem = replace(problem, tasks=tuple(replace(task, chance=1.0) for task in problem.tasks))
    times = Times({unit: random.randint(1, 9) for unit in problem.sizes}, tuple(random.randint(0, 9) for _ in problem.tasks))
    names, none = [f"t{i}" for i in range(len(problem.tasks))], [0] * len(problem.tasks)
    for solution in candidates(replace(problem, times=times), 8):
        for ahead in (0, 2):
            schedule = entries(problem, solution, names, none, ahead)
            followed = replayed(schedule, times, {name: i for i, name in enumerate(names)})
            assert seconds(problem, solution, none, ahead, False, times) == followed


@pytest.mark.parametrize("seed", range(30))
def test_what_loads_least_in_seconds_is_found(seed: int) -> None:
    """A unit of few bytes behind a slow link may cost more than one of many."""
    random = Random(seed)
    problem = random_problem(random, uniform=False, free=True)
    dear = Times({unit: 1.0 + random.random() for unit in problem.sizes}, (0.0,) * len(problem.tasks))
    in_seconds = replace(problem, times=dear)
    found, by_bytes = solve(in_seconds, 8), solve(problem, 8)
    assert held(problem, found) <= problem.room
    assert found.cost(in_seconds) <= by_bytes.cost(in_seconds) + 1e-9


SIDES = """
model sides(d: int = 64) {
  input x: f32[B, d]
  chunk large(h) { h |> linear(32 * d) |> relu |> linear(d) }
  chunk small(h) { h |> linear(d) |> relu |> linear(d) }
  chunk other(h) { h |> linear(40 * d) |> relu |> linear(d) }
  memory { budget = 3MiB  prefetch = 1 }
  output y = large(x) + small(x) + other(x)
}
"""


def test_with_a_machine_what_runs_hides_loads() -> None:
    """All are loaded once in any order: what is there first runs first, and the large one is loaded meanwhile."""
    model = Roofline(macs_per_s=1e12, bytes_per_s=1e11, launch_s=1e-6)
    graph = loads(SIDES)
    plain, timed = Schedule().apply(graph), Schedule(dims="B=64", model=model).apply(graph)
    assert [one.path for one in plain.schedule if one.word == "run"] == ["large", "small", "other"]
    assert [one.path for one in timed.schedule if one.word == "run"] == ["small", "large", "other"]
    assert not list(problems(timed))
    assert Schedule(dims="B=64").apply(graph).schedule == plain.schedule == Schedule(model=model).apply(graph).schedule
