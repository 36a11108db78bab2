"""What is cut short: interrupts, exits, forks, steps that fail. Nobody waits for ever, and the next call is as any other."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored import parts
from stored_models import active_layers, inputs, moe, stored, units

from chunkc.backends.torch.residing import loader, mapping
from chunkc.backends.torch.residing.loader import Job, Loader
from chunkc.compiler.diagnostics import Diagnostic, Label
from chunkc.compiler.ir import Attrs
from chunkc.compiler.loading.handles import place_of
from chunkc.compiler.loading.places import Unloadable


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Of torch: those that a process has are not in one that is forked from it, and products by fewer round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises, though the tests run where it is ignored (behind `&` in a script)."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@torch.no_grad()
@pytest.mark.usefixtures("interruptible")
def test_after_an_interrupt_the_next_call_waits_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is always there has to have come, though the call that asked for it is gone."""
    graph = replace(active_layers(), memory=Attrs())
    whole, made, _ = stored(graph, tmp_path)
    file = tmp_path / "block.3.safetensors"
    file.rename(tmp_path / "away")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Loader, "wait", lambda self, key: signal.raise_signal(signal.SIGINT))
        made(inputs(graph))
    with pytest.raises(Unloadable, match=r"CC1450.*block\.3"):
        made(inputs(graph))
    (tmp_path / "away").rename(file)
    assert torch.equal(made(inputs(graph)), whole(inputs(graph)))


@torch.no_grad()
def test_an_exit_while_a_chunk_is_loaded_is_told_to_who_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: Any) -> None:
        raise SystemExit(1)

    whole, made, _ = stored(moe(), tmp_path)
    given = inputs(made.graph)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match=r"expert\.\d.*SystemExit"):
        patch.setattr(mapping, "populate", leave)
        made(given)
    assert torch.equal(made(given), whole(given))


@torch.no_grad()
def test_what_fails_while_it_is_given_back_stops_no_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def broken(job: Job) -> None:
        raise ValueError("cannot be closed")

    whole, made, _ = stored(moe(), tmp_path)
    given = inputs(made.graph)
    monkeypatch.setattr(threading, "excepthook", lambda found: told.append(found.exc_value))
    monkeypatch.setattr(loader.Job, "give_back", broken)
    for _ in range(2):
        assert torch.equal(made(given), whole(given))
    assert made.residency().evictions and all("cannot be closed" in str(one) for one in told) and told


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@torch.no_grad()
@pytest.mark.usefixtures("one_thread")
def test_a_forked_process_loads_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a load was on its way, and a thread of the parent held chunks."""
    whole, made, _ = stored(moe(), tmp_path)
    given, begun, go = inputs(made.graph), threading.Event(), threading.Event()
    expected, parent = whole(given), os.getpid()
    populate = mapping.populate

    def slow(*arguments: Any) -> None:
        if os.getpid() == parent:
            begun.set()
            go.wait(5)
        populate(*arguments)

    monkeypatch.setattr(mapping, "populate", slow)

    def call() -> Any:
        with torch.no_grad():
            return made(given)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        assert begun.wait(5)
        made.residency()
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends it, where it waits for ever
            os._exit(0 if torch.equal(made(given), expected) and made.residency().peak <= made.residency().room else 3)
        assert os.waitpid(child, 0)[1] == 0
        go.set()
        assert torch.equal(running.result(10), expected)


@torch.no_grad()
def test_a_call_that_is_through_keeps_nothing_that_it_computed(tmp_path: Path) -> None:
    _, made, _ = stored(moe(), tmp_path)
    made(inputs(made.graph))
    last = made._memory.residents.last
    assert last.log and not last.ways and not last.scores


@torch.no_grad()
def test_versions_that_come_back_are_the_newest(tmp_path: Path) -> None:
    """While a call runs on the first, others come for the second and then for the first: what is pinned follows."""
    graph = moe()
    whole, made, versions = stored(graph, tmp_path / "first")
    other = parts(tmp_path / "second", {name: value + 1 for name, value in whole.state_dict().items()}, units(graph))
    first, given = versions.snapshot, inputs(graph)
    made.pin("expert.2")
    with ThreadPoolExecutor(1) as pool, made._memory.call(made):

        def call() -> Any:
            with torch.no_grad():
                return made(given)

        versions.snapshot = other
        assert not torch.equal(pool.submit(call).result(10), whole(given))
        assert list(made._memory.residents.pins.held) == ["expert.2@1"]
        versions.snapshot = first
        assert torch.equal(pool.submit(call).result(10), whole(given))
        assert list(made._memory.residents.pins.held) == ["expert.2"]


def test_what_is_missing_is_so_in_the_version_that_a_call_ran_on(tmp_path: Path) -> None:
    """Another call has begun on the next version, which is whole, before the first one fails."""
    graph = active_layers()
    _, made, versions = stored(graph, tmp_path / "first")
    missed = made._memory.missed
    missed.optional = frozenset({"block.1"})
    missed.now(versions.snapshot)
    after = dict(versions.snapshot, **parts(tmp_path / "second", {"block.1.a": torch.ones(1)}, ["block.1"]))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(missed.now, after).result(5)
    error = Unloadable("block.1", Diagnostic("CC1451", "broken", (Label(place_of("block.1"), ""),), ""))
    with pytest.warns(RuntimeWarning, match="CC1454"):
        assert missed.note(error, ()) == "block.1"
    assert missed.now(versions.snapshot) == {"block.1"} and missed.now(after) == frozenset()


@torch.no_grad()
def test_pins_of_threads_are_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is asked for while the first is on its way."""
    _, made, _ = stored(moe(), tmp_path)
    begun, go, populate = threading.Event(), threading.Event(), mapping.populate

    def slow(*arguments: Any) -> None:
        begun.set()
        go.wait(5)
        populate(*arguments)

    monkeypatch.setattr(mapping, "populate", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(made.pin, "expert.1")
        assert begun.wait(5)
        second = pool.submit(made.pin, "expert.2")
        go.set()
        first.result(10)
        second.result(10)
    assert set(made._memory.residents.pins.held) == {"expert.1", "expert.2"} <= set(made.residency().resident)


@torch.no_grad()
def test_loads_that_fail_are_recorded_as_such(tmp_path: Path) -> None:
    graph = moe()
    _, made, _ = stored(graph, tmp_path)
    file, given = tmp_path / "expert.3.safetensors", inputs(graph)
    only = torch.zeros(5, 3, 8, dtype=torch.bool)
    only[..., 3] = True
    file.rename(tmp_path / "away")
    with made.record_loads() as recorder, made.replay({"gate": only}):
        with pytest.raises(Unloadable):
            made(given)
        (tmp_path / "away").rename(file)
        made(given)
    failed, through = recorder.trace().calls
    assert [event.done for event in failed if event.kind == "acquire"][-1] is False and failed[-1].kind == "compute"
    assert [event.gone for event in failed if event.gone] == [("expert.3",)]
    assert not any(load.verified for event in failed for load in event.loads), "it was never there"
    (load,) = (load for event in through for load in event.loads)
    assert load.unit == "expert.3" and load.verified and load.seconds > 0
