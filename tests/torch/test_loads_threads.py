"""Calls of many threads at once on one module whose weights lie in files, and versions that change while they run."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from stored import Fixed, parts
from stored_models import active_layers, inputs, moe, stored, units

from chunkc.backends.torch import compile
from chunkc.compiler.loading.residents import Residents
from chunkc.passes import pipeline


@pytest.mark.parametrize("model", [active_layers, moe])
def test_twelve_at_once_give_what_one_gives(model: Any, tmp_path: Path) -> None:
    graph = model()
    whole, made, _ = stored(graph, tmp_path)
    given = [inputs(graph, seed) for seed in range(6)]
    with torch.no_grad():
        expected = [whole(one) for one in given]

    def run(seed: int) -> torch.Tensor:
        with torch.no_grad():
            return made(given[seed % 6])

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(run, range(96)))
    assert all(torch.equal(value, expected[i % 6]) for i, value in enumerate(found))
    traffic, residents = made.residency(), made._memory.residents
    assert traffic.peak <= traffic.room
    assert not residents.held and not residents.queue and not residents.leases
    assert residents.bytes == sum(residents.sizes[key] for key in residents.resident)


@pytest.mark.parametrize("chunks", [None, [""]], ids=["parts", "whole"])
def test_a_version_that_moves_is_taken_by_new_calls_whole(chunks: Any, tmp_path: Path) -> None:
    graph = active_layers()
    compiled = [compile(graph, seed=seed).eval() for seed in (0, 1)]
    if chunks is None:
        # Only the chunks are stored, what is around them is the same.
        around = {name: value for name, value in compiled[0].state_dict().items() if not name.startswith("block.")}
        compiled[1].load_state_dict(around, strict=False)
    snapshots = [parts(tmp_path / str(i), one.state_dict(), chunks or units(graph)) for i, one in enumerate(compiled)]
    versions = Fixed(snapshots[0])
    made = compile(pipeline.run(graph, ["schedule"]), versions=versions).eval()
    given = inputs(graph)
    with torch.no_grad():
        first, second = (one(given) for one in compiled)
    assert not torch.equal(first, second)
    stop, seen, wrong = threading.Event(), [0, 0], []

    def call() -> None:
        while not stop.is_set():
            with torch.no_grad():
                value = made(given)
            which = [torch.equal(value, first), torch.equal(value, second)]
            if not any(which):
                wrong.append(value)
            seen[which.index(True) if any(which) else 0] += 1

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(40):
        versions.snapshot = snapshots[i % 2]
        threading.Event().wait(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong and all(seen)
    versions.snapshot = snapshots[1]
    with torch.no_grad():
        assert torch.equal(made(given), second)
    assert len(made._memory.live) == 1, "the replicas of older versions have died"
    assert made.residency().peak <= made.residency().room


def test_who_waits_longest_goes_first() -> None:
    """Of three that each want more than what is left, each holds nothing while it waits, and gets all at once."""
    store = Residents(dict.fromkeys("abcdef", 2), 6)
    began, order, failed = [threading.Event() for _ in range(3)], [], []
    hold = threading.Event()

    def call(number: int, units: str) -> None:
        try:
            with store.call() as lease:
                for unit in units[:-1]:
                    lease.acquire(unit)
                began[number].set()
                if number == 0:
                    hold.wait(5)
                lease.acquire(units[-1])
                assert set(lease.held) == set(units)
                order.append(number)
        except BaseException as error:
            failed.append(error)

    threads = []
    for number, wanted in enumerate(("abc", "ade", "fbe")):
        threads.append(threading.Thread(target=call, args=(number, wanted)))
        threads[-1].start()
        if number == 0:
            began[0].wait(5)
        else:
            while len(store.queue) < number:
                threading.Event().wait(0.001)
    assert set(store.held) == {"a", "b"}, "those that wait hold nothing"
    hold.set()
    for thread in threads:
        thread.join(5)
    assert not failed and order == [0, 1, 2] and not store.held
