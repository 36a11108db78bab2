"""Traces of loads timed again: stalls worked out by hand on a disk of round numbers, and what holds on any."""

from dataclasses import replace

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_machine import toy_target

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.trace import Event, Load, LoadTrace
from chunkc.compiler.loading.trace_files import read_trace, trace_text, write_trace
from chunkc.simulator.constants import LoadConstants
from chunkc.simulator.loading import Disk, decided, disk_at, replay
from chunkc.simulator.loading.replay import measured
from chunkc.simulator.target import Level, Link

ROUND = LoadConstants(request=1.0, mapped=100.0, hashed=50.0, dropped=200.0)
MB = 100


def target(bandwidth=10.0, latency=2.0, constants=ROUND, cache=1e9):
    """Seconds and bytes a second in round numbers: 10 B/s from the disk after 2 s, 100 B/s out of the page cache."""
    memory = (Level("dram", cache, 1e12), Level("storage", 1e12, bandwidth))
    return attrs.evolve(
        toy_target(kind="cpu"), memory=memory, links=(Link("storage", "dram", bandwidth, latency),), loading=constants
    )


def trace(*calls, room=200, sizes=None, cold=False, **more):
    return LoadTrace(tuple(map(tuple, calls)), sizes or dict.fromkeys("abcd", MB), room, "lru", cold, **more)


def needs(unit, *, ahead=(), seconds=5.0, gone=(), begins=True, verified=False):
    """A chunk is acquired, others asked for, something computed, and the chunk let go."""
    own = (Load(unit, MB, verified),) if begins else ()
    asked = [Event("prefetch", one, loads=(Load(one, MB, verified),)) for one in ahead]
    return [Event("acquire", unit, loads=own, gone=gone), *asked, Event("compute", seconds=seconds), Event("release", unit)]


def stalls(one, **machine):
    return [call.stalled for call in replay(one, disk_at(one, target(**machine), one.cold)).calls]


def test_a_warm_load_is_asked_for_and_mapped():
    found = replay(trace(needs("a")), disk_at(trace(), target(), cold=False))
    assert (found.stalled, found.seconds, found.loading) == (1 + 1, 1 + 1 + 5, 2) and (found.loads, found.bytes) == (1, MB)


def test_the_first_load_comes_from_the_disk_and_later_ones_from_the_page_cache():
    calls = [needs("a"), needs("b"), needs("a", gone=("b",))]
    assert stalls(trace(*calls, cold=True)) == [2 + 10, 2 + 10, 1 + 1 + 0.5]
    assert stalls(trace(*calls, cold=True), cache=150.0) == [12, 12, 12.5]  # the cache holds one file


def test_a_page_cache_that_keeps_nothing_is_passed_by():
    """As the loader does: behind two chunks that had gone (`compiler/loading/page_cache.py`)."""
    calls = [*(needs(unit) for unit in "abcd"), *(needs(unit, gone=(unit,)) for unit in "abcd")]
    past = attrs.evolve(ROUND, past=20.0)
    through = trace(*calls, room=400, cold=True)
    assert stalls(through, constants=past, cache=50.0) == [12] * 4 + [0.5 + 12] * 2 + [0.5 + 2 + 5] * 2
    assert stalls(through, constants=attrs.evolve(ROUND, past=5.0), cache=50.0) == [12] * 4 + [12.5] * 4
    assert stalls(through, constants=past) == [12] * 4 + [2.5] * 4, "it keeps all"


def test_what_is_read_the_first_time_is_hashed_behind_it():
    hashed = trace(needs("a", verified=True), cold=True)
    assert stalls(hashed) == [2 + 10 + 2]
    assert stalls(hashed, bandwidth=1e3, latency=0.0) == [1 + 1 + 2]  # the disk is faster than mapping
    assert stalls(trace(needs("a", verified=True), needs("a", gone=("a",)))) == [1 + 1 + 2, 0.5 + 1 + 1]


def test_what_is_asked_for_ahead_loads_while_others_run():
    """a stalls 2; b is asked for at 2 and there at 4; a has run at 7. c behind b: asked for at 2 too, there at 6."""
    assert stalls(trace([*needs("a", ahead=("b",)), *needs("b", begins=False)])) == [2]
    short = needs("a", ahead=("b", "c"), seconds=1.0)
    assert stalls(trace([*short, *needs("b", begins=False, seconds=0.5), *needs("c", begins=False)])) == [2 + 1 + 1.5]


def test_loads_of_a_call_go_on_into_the_next():
    last = [*needs("a", seconds=0.25), Event("prefetch", "b", loads=(Load("b", MB),))]
    assert stalls(trace(last, needs("b", begins=False))) == [2, 2]


def test_loads_that_were_timed_are_replayed_as_they_were():
    timed = trace([Event("acquire", "a", loads=(Load("a", MB, seconds=7.0),), seconds=7.5), Event("compute", seconds=1.0)])
    assert replay(timed, None).stalled == 7.0 and replay(timed, None).loading == 7.0
    assert (measured(timed).stalled, measured(timed).seconds, measured(timed).loading) == (7.5, 8.5, 7.0)


def test_without_a_table_of_loads_it_is_told():
    with pytest.raises(CompileError, match="says nothing of loads"):
        Disk.mapped(target(constants=None))


# ---- what would have been


def test_decided_as_it_was_recorded_gives_the_same_trace():
    calls = [needs("a"), needs("b"), needs("c", gone=("a",)), needs("b", begins=False), needs("a", gone=("c",))]
    recorded = trace(*calls)
    again = decided(recorded)
    assert again == recorded


def test_more_room_loads_less_and_belady_least():
    units = "abcabcabcd"
    recorded = decided(trace(*(needs(unit) for unit in units), room=MB))
    loads = {
        room: replay(decided(recorded, room=room), disk_at(recorded, target(), False)).loads for room in (100, 200, 300, 400)
    }
    assert loads == {100: 10, 200: 10, 300: 4, 400: 4}
    best = replay(decided(recorded, room=200, policy="belady"), disk_at(recorded, target(), False))
    assert best.loads == 7  # a b c, then one of three each turn


def test_a_deeper_prefetch_hides_more_and_none_hides_nothing():
    recorded = trace([event for unit in "abcd" for event in needs(unit)])
    times = [replay(decided(recorded, ahead=ahead), disk_at(recorded, target(), False)) for ahead in (0, 1, 3)]
    assert [one.stalled for one in times] == [2 + 2 + 2.5 + 2.5, 2, 2]  # two give room up first
    slow = [replay(decided(recorded, ahead=ahead), disk_at(recorded, target(), True)) for ahead in (0, 1)]
    assert [one.stalled for one in slow] == [49, 12 + 7 + 2 * 7.5] and slow[0].hidden == 0.0


def test_a_decision_is_not_known_before_it_was_taken():
    """b and c are known from where the first step asks for one of them."""
    asked = Event("prefetch", "d", done=False, by=1)
    late = [replace(event, by=1) if event.kind == "acquire" else event for unit in "bc" for event in needs(unit)]
    recorded = trace([*needs("a"), Event("compute", seconds=1.0), asked, Event("compute", seconds=1.5), *late], room=400)
    (found,) = decided(recorded, ahead=2).calls
    assert [[load.unit for load in event.loads] for event in found if event.loads] == [["a"], ["b", "c"]]
    assert stalls(decided(recorded, ahead=2)) == [2 + 0.5]
    always = trace([replace(event, by=0) for event in recorded.calls[0]], room=400)
    assert stalls(decided(always, ahead=2)) == [2]


def test_a_budget_that_is_too_small_is_told():
    with pytest.raises(CompileError) as error:
        decided(trace(needs("a")), room=MB - 1)
    assert error.value.diagnostics[0].code == "CC1482"


def test_calls_that_load_nothing_are_decided_by_any_policy():
    (found,) = decided(LoadTrace(((Event("compute", seconds=1.0),),), {}, MB, "lru"), policy="adaptive").calls
    assert found == (Event("compute", seconds=1.0),)


# ---- on any trace

UNITS = st.sampled_from("abcd")
USES = st.lists(st.tuples(UNITS, st.floats(0, 20)), min_size=1, max_size=12)


@given(USES, st.integers(100, 400), st.integers(0, 3), st.booleans())
def test_bounds_hold_and_bandwidth_never_hurts(uses, room, ahead, cold):
    recorded = trace([event for unit, seconds in uses for event in needs(unit, seconds=seconds)], room=room, cold=cold)
    one = decided(recorded, ahead=ahead)
    times = [replay(one, disk_at(one, target(bandwidth), cold)) for bandwidth in (1.0, 10.0, 30.0, 1e6)]
    assert [time.stalled for time in times] == sorted((time.stalled for time in times), reverse=True)
    compute = sum(seconds for _, seconds in uses)
    for bandwidth, time in zip((1.0, 10.0, 30.0, 1e6), times):
        from_disk = sum({load.unit: load.bytes for call in one.calls for event in call for load in event.loads}.values())
        floor = from_disk / bandwidth if cold else one_way(time)
        assert time.stalled >= floor - compute - 1e-9
        assert time.seconds == pytest.approx(compute + time.stalled)
        if not ahead:
            assert time.stalled >= time.loading - 1e-9 and time.hidden <= 1e-9


def one_way(time):
    """Seconds of mapping what was loaded."""
    return time.bytes / ROUND.mapped


# ---- files


def test_a_trace_is_read_as_it_was_written(tmp_path):
    one = trace([*needs("a", ahead=("b",), verified=True), Event("prefetch", "c", done=False)], cold=True, resident=("d",))
    write_trace(one, tmp_path / "loads.json")
    assert read_trace(tmp_path / "loads.json") == one


def test_all_that_is_wrong_with_a_file_is_told(tmp_path):
    text = trace_text(trace(needs("a"), needs("b")))
    broken = (
        text.replace('"release", "unit": "b"', '"relase", "unit": "e", "extra": 1')
        .replace("5.0", "-5.0")
        .replace('"room": 200', '"room": 2.5')
        .replace('"lru"', '"lur"')
    )
    (tmp_path / "loads.json").write_text(broken)
    with pytest.raises(CompileError) as error:
        read_trace(tmp_path / "loads.json")
    told = " ".join(one.message for one in error.value.diagnostics)
    for place in ("room", "policy", "calls[0][1].seconds", "calls[1][2].kind", "calls[1][2].unit", "calls[1][2].extra"):
        assert f"`{place}`" in told


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"format": "chunkc loads", "version": 1}', '{"format": "chunkc loads", "version": 9}'],
)
def test_what_is_no_trace_is_told(tmp_path, text):
    (tmp_path / "loads.json").write_text(text)
    with pytest.raises(CompileError):
        read_trace(tmp_path / "loads.json")
