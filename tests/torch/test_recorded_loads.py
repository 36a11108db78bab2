"""Recorded loads: what a trace says is what the module did, and its replay does the same."""

from __future__ import annotations

import gc
import os
import weakref
from dataclasses import replace
from pathlib import Path

import attrs
import pytest
import torch
from stored_models import active_layers, inputs, moe, stored
from toy_machine import toy_target

from chunkc.backends.torch import compile
from chunkc.backends.torch.residing.recording import in_page_cache
from chunkc.compiler.ir import Attrs
from chunkc.compiler.loading.trace import Load
from chunkc.compiler.loading.trace_files import read_trace
from chunkc.simulator.constants import LoadConstants
from chunkc.simulator.loading import decided, disk_at, replay


@pytest.mark.parametrize("model", [active_layers, moe])
def test_a_trace_says_what_the_module_did(model, tmp_path: Path) -> None:
    graph = model()
    _, made, _ = stored(graph, tmp_path)
    with torch.no_grad():
        made(inputs(graph))
        before = made.residency()
        with made.record_loads() as recorder:
            for seed in range(5):
                made(inputs(graph, seed))
    after, trace = made.residency(), recorder.trace()
    events = [event for call in trace.calls for event in call]
    loads = [load for event in events for load in event.loads]
    assert len(trace.calls) == 5 and trace.resident and set(trace.sizes) >= {load.unit for load in loads}
    assert (len(loads), sum(load.bytes for load in loads)) == (after.loads - before.loads, after.bytes - before.bytes)
    assert sum(len(event.gone) for event in events) == after.evictions - before.evictions
    acquired = [event for event in events if event.kind == "acquire" and event.done]
    assert len(acquired) == after.hits + after.misses - before.hits - before.misses
    assert sum(event.seconds for event in acquired) >= after.stalled - before.stalled
    assert all(event.seconds > 0 for event in events if event.kind == "compute") and not trace.cold
    resident = set(trace.resident)
    for event in events:
        resident = (resident | {load.unit for load in event.loads}) - set(event.gone)
        assert sum(trace.sizes[unit] for unit in resident) <= trace.room
    recorder.write(tmp_path / "loads.json")
    assert read_trace(tmp_path / "loads.json") == trace


@pytest.mark.parametrize("model", [active_layers, moe])
def test_the_first_loads_of_a_file_are_hashed_and_a_replay_has_the_same_loads(model, tmp_path: Path) -> None:
    graph = model()
    _, made, _ = stored(graph, tmp_path)
    with torch.no_grad(), made.record_loads() as recorder:
        made(inputs(graph))
        made(inputs(graph, 1))
    trace = recorder.trace()
    loads = [load for call in trace.calls for event in call for load in event.loads]
    assert all(load.seconds > 0 for load in loads)
    assert replay(trace, None).stalled <= sum(load.seconds for load in loads)
    hashed = [load.unit for load in loads if load.verified]
    assert sorted(hashed) == sorted({load.unit for load in loads})
    constants = LoadConstants(1e10, 1e9, 4e10, 1e-4)
    target = attrs.evolve(toy_target(), loading=constants)
    found = replay(trace, disk_at(trace, target, trace.cold))
    assert found.loads == len(loads) and found.stalled > 0
    again = decided(trace)
    assert [event.loads for event in again.calls[0]] == [tuple(map(bare, event.loads)) for event in trace.calls[0]]
    assert [event.gone for call in again.calls for event in call] == [event.gone for call in trace.calls for event in call]
    roomy = decided(trace, room=sum(trace.sizes.values()))
    assert replay(roomy, disk_at(roomy, target, False)).loads <= len(trace.sizes)


@torch.no_grad()
def test_a_chunk_that_goes_and_comes_back_in_one_step_is_recorded(tmp_path: Path) -> None:
    """What is acquired takes the room of one that is guessed to be used next, and so loaded again behind it."""
    memory = Attrs(budget=("share", 0.4), evict="cost", prefetch=("speculative", 2))
    _, made, _ = stored(replace(moe(), memory=memory), tmp_path)
    with made.record_loads() as recorder:
        for seed in range(6):
            made(inputs(made.graph, seed)[:1, :1])
    events, traffic = [event for call in recorder.trace().calls for event in call], made.residency()
    assert any({load.unit for load in event.loads} & set(event.gone) for event in events)
    assert sum(len(event.loads) for event in events) == traffic.loads
    assert sum(len(event.gone) for event in events) == traffic.evictions


def bare(load: Load) -> Load:
    """Without how long it took."""
    return replace(load, seconds=0.0)


def test_files_outside_the_page_cache_are_cold(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(1 << 20))
    assert in_page_cache(str(path))
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:  # a system that can let it go, and tells
            assert not in_page_cache(str(path))


def test_what_loads_nothing_cannot_be_recorded_and_nothing_is_recorded_twice(tmp_path: Path) -> None:
    graph = active_layers()
    _, made, _ = stored(graph, tmp_path)
    with made.record_loads(), pytest.raises(RuntimeError, match="already"), made.record_loads():
        pass

    with pytest.raises(RuntimeError, match="no budget"), compile(replace(graph, memory=Attrs(), schedule=())).record_loads():
        pass


def test_a_module_that_was_recorded_goes_with_all_that_it_mapped(tmp_path: Path) -> None:
    graph = active_layers()
    _, made, _ = stored(graph, tmp_path)
    with torch.no_grad(), made.record_loads() as recorder:
        made(inputs(graph))
    gone = weakref.ref(made)
    del made, recorder
    gc.collect()
    assert gone() is None
