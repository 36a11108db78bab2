"""Weights that lie in files: the same bits as in memory, within the budget, whatever happens to the files."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored_models import active_layers, inputs, moe, stored

from chunkc.compiler.ir import Attrs


@pytest.mark.parametrize("model", [active_layers, moe])
@pytest.mark.parametrize("chunks", [None, [""]], ids=["parts", "whole"])
def test_the_same_bits_as_in_memory(model: Any, chunks: Any, tmp_path: Path) -> None:
    graph = model()
    whole, made, _ = stored(graph, tmp_path, chunks)
    away = [name for name, value in made.state_dict().items() if value.device.type == "meta"]
    assert away
    with torch.no_grad():
        for seed in range(4):
            given = inputs(graph, seed)
            assert torch.equal(made(given), whole(given))
    assert [name for name, value in made.state_dict().items() if value.device.type == "meta"] == away
    traffic = made.residency()
    assert traffic.loads > 0 and traffic.evictions > 0 and 0 < traffic.peak <= traffic.room
    assert traffic.hits + traffic.misses > 0 and traffic.now <= traffic.room
    assert list(made.state_dict()) == list(whole.state_dict())


def test_without_a_budget_all_is_there_from_the_first_call(tmp_path: Path) -> None:
    graph = replace(active_layers(), memory=Attrs())
    whole, made, _ = stored(graph, tmp_path)
    with torch.no_grad():
        assert torch.equal(made(inputs(graph)), whole(inputs(graph)))
        assert torch.equal(made(inputs(graph, 1)), whole(inputs(graph, 1)))
    assert made.residency().loads == 6


def test_what_is_resident_holds_no_file_open(tmp_path: Path) -> None:
    graph = replace(active_layers(), memory=Attrs())
    _, made, _ = stored(graph, tmp_path)
    with torch.no_grad():
        made(inputs(graph))
    names = {path.name for path in tmp_path.iterdir()}
    opened = {os.path.basename(os.path.realpath(f"/proc/self/fd/{fd}")) for fd in os.listdir("/proc/self/fd")}
    mapped = Path("/proc/self/maps").read_text()
    assert all(name in mapped for name in names) and not names & opened
    del made
    gc.collect()
    until = time.time() + 30
    while any(str(tmp_path / name) in Path("/proc/self/maps").read_text() for name in names):
        assert time.time() < until, "the loader's thread has ended by then, and with it what it held"
        time.sleep(0.01)


def test_what_is_not_aligned_is_read(tmp_path: Path) -> None:
    graph = active_layers()
    whole, made, _ = stored(graph, tmp_path, aligned=8)
    with torch.no_grad():
        assert torch.equal(made(inputs(graph)), whole(inputs(graph)))
