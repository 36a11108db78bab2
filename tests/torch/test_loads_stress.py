"""Everything at once: threads, versions that move, pins, files that break and are put back. Nothing hangs, and what comes out is
what one of the versions gives, whole."""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored import Fixed, parts
from stored_models import inputs, moe

from chunkc.backends.torch import compile
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Attrs
from chunkc.compiler.loading.places import Unloadable
from chunkc.passes import pipeline

BROKEN = ("CC1450", "CC1451", "CC1452")
EXPERTS = [f"expert.{i}" for i in range(8)]


@dataclass
class Stress:
    """A model of three versions that lie in files, and what came of its calls until a time."""

    folder: Path
    share: float
    until: float = 0.0
    calls: int = 0
    wrong: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = replace(moe(), memory=Attrs(budget=("share", self.share), prefetch=("ahead", 2)))
        self.given = inputs(graph)
        wholes = [compile(graph, seed=seed).eval() for seed in range(3)]
        with torch.no_grad():
            self.expected = [whole(self.given) for whole in wholes]
        self.snapshots = [parts(self.folder / str(i), whole.state_dict(), [""]) for i, whole in enumerate(wholes)]
        self.versions = Fixed(self.snapshots[0])
        self.made: Any = compile(pipeline.run(graph, ["schedule"]), versions=self.versions).eval()
        self.file = self.folder / "1" / "whole.safetensors"
        self.content = self.file.read_bytes()

    def call(self) -> None:
        while time.time() < self.until:
            try:
                with torch.no_grad():
                    value = self.made(self.given)
                self.calls += 1
                if not any(torch.equal(value, one) for one in self.expected):
                    self.wrong.append(value)
            except Unloadable as error:
                if error.diagnostic.code not in BROKEN:
                    self.wrong.append(error)
            except BaseException as error:
                self.wrong.append(error)

    def disturb(self) -> None:
        draw = random.Random(0)
        while time.time() < self.until:
            self.versions.snapshot = self.snapshots[draw.randrange(3)]
            try:
                if draw.random() < 0.5:
                    self.made.pin(EXPERTS[draw.randrange(8)])
                else:
                    self.made.unpin(*EXPERTS)
            except (CompileError, Unloadable):
                pass
            if draw.random() < 0.2:
                self.put(self.content if draw.random() < 0.7 else self.content[:-7])
            if draw.random() < 0.1:
                self.made.refresh()
            time.sleep(draw.random() * 0.01)

    def put(self, content: bytes) -> None:
        """A file of its own: what is mapped of the one before stays as it is."""
        (self.folder / "next").write_bytes(content)
        os.replace(self.folder / "next", self.file)


def together(seconds: float, each: list[Callable[[], None]]) -> None:
    """Runs all at once; none takes much longer than it should."""
    threads = [threading.Thread(target=one, daemon=True) for one in each]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 30)
    assert not any(thread.is_alive() for thread in threads), "something waits for ever"


@pytest.mark.parametrize("seconds", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.3, 0.55])
def test_nothing_hangs_and_nothing_is_mixed(seconds: int, share: float, tmp_path: Path) -> None:
    stress = Stress(tmp_path, share)
    stress.until = time.time() + seconds
    together(seconds, [*[stress.call] * 8, stress.disturb])
    assert not stress.wrong and stress.calls
    residents = stress.made._memory.residents
    stress.made.unpin(*EXPERTS)
    assert not residents.queue and not residents.takers and not residents.leases
    assert set(residents.held) == set(residents.lasting) and residents.peak <= residents.room
    assert residents.bytes == sum(residents.sizes[key] for key in residents.resident)
    stress.put(stress.content)
    with torch.no_grad():
        for snapshot, one in zip(stress.snapshots, stress.expected):
            stress.versions.snapshot = snapshot
            assert torch.equal(stress.made(stress.given), one)
