"""Everything at once: threads, versions that move, pins, files that break and are put back. Nothing hangs, and what comes out is
what one of the versions gives, whole."""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from stored import Fixed, parts
from stored_models import inputs, moe

from chunkc.backends.torch import compile
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Attrs
from chunkc.compiler.loading.places import Unloadable
from chunkc.passes import pipeline


@pytest.mark.parametrize("seconds", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.3, 0.55])
def test_nothing_hangs_and_nothing_is_mixed(seconds: int, share: float, tmp_path: Path) -> None:
    graph = replace(moe(), memory=Attrs(budget=("share", share), prefetch=("ahead", 2)))
    given = inputs(graph)
    snapshots, expected = [], []
    for seed in range(3):
        whole = compile(graph, seed=seed).eval()
        snapshots.append(parts(tmp_path / str(seed), whole.state_dict(), [""]))
        with torch.no_grad():
            expected.append(whole(given))
    versions = Fixed(snapshots[0])
    made = compile(pipeline.run(graph, ["schedule"]), versions=versions).eval()
    file, until, wrong, done = tmp_path / "1" / "whole.safetensors", time.time() + seconds, [], [0]
    content = file.read_bytes()

    def call() -> None:
        while time.time() < until:
            try:
                with torch.no_grad():
                    value = made(given)
                done[0] += 1
                if not any(torch.equal(value, one) for one in expected):
                    wrong.append(value)
            except Unloadable as error:
                if error.diagnostic.code not in ("CC1450", "CC1451", "CC1452"):
                    wrong.append(error)
            except BaseException as error:
                wrong.append(error)

    def disturb() -> None:
        draw = random.Random(0)
        while time.time() < until:
            versions.snapshot = snapshots[draw.randrange(3)]
            try:
                if draw.random() < 0.5:
                    made.pin(f"expert.{draw.randrange(8)}")
                else:
                    made.unpin(*(f"expert.{i}" for i in range(8)))
            except (CompileError, Unloadable):
                pass
            if draw.random() < 0.2:
                # A file of its own: what is mapped of the one before stays as it is.
                (tmp_path / "next").write_bytes(content if draw.random() < 0.7 else content[:-7])
                os.replace(tmp_path / "next", file)
            if draw.random() < 0.1:
                made.refresh()
            time.sleep(draw.random() * 0.01)

    threads = [threading.Thread(target=one, daemon=True) for one in (*(call,) * 8, disturb)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 30)
    assert not any(thread.is_alive() for thread in threads), "something waits for ever"
    assert not wrong and done[0] > 0
    residents = made._memory.residents
    made.unpin(*(f"expert.{i}" for i in range(8)))
    assert not residents.queue and not residents.takers and not residents.leases
    assert set(residents.held) == set(residents.lasting) and residents.peak <= residents.room
    assert residents.bytes == sum(residents.sizes[key] for key in residents.resident)
    file.write_bytes(content)
    with torch.no_grad():
        for snapshot, one in zip(snapshots, expected):
            versions.snapshot = snapshot
            assert torch.equal(made(given), one)
