"""Two levels, with another part of the CPU's memory for a device: what goes there comes through RAM, each within its room."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored_models import active_layers, inputs, moe, stored

from chunkc.backends.torch.residing.memory import Memory
from chunkc.backends.torch.residing.staging import Device
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.places import Unloadable

CPU = torch.device("cpu")


def staged(model: Any, folder: Path, ram: int, chunks: list[str] | None = None) -> tuple[Any, Any, Any]:
    """As `stored`, with a device that copies, and so many chunks in RAM."""
    whole, made, versions = stored(model(), folder, chunks)
    room = ram * max(made._memory.residents.sizes.values())
    graph = replace(made.graph, memory=made.graph.memory.but(ram=room))
    made._memory = Memory(graph, versions, device=Device(CPU))
    return whole, made, versions


@torch.no_grad()
@pytest.mark.parametrize("model", [active_layers, moe])
@pytest.mark.parametrize("chunks", [None, [""]], ids=["parts", "whole"])
def test_the_same_bits_within_both_rooms(model: Any, chunks: Any, tmp_path: Path) -> None:
    whole, made, _ = staged(model, tmp_path, 3, chunks)
    for seed in range(4):
        given = inputs(whole.graph, seed)
        assert torch.equal(made(given), whole(given))
    traffic = made.residency()
    assert traffic.peak <= traffic.room and traffic.ram.peak <= traffic.ram.room
    assert traffic.ram.loads >= 3 and traffic.ram.misses + traffic.ram.hits == traffic.loads
    assert not made._memory.ram.held
    with ThreadPoolExecutor(6) as pool:
        given = [inputs(whole.graph, seed) for seed in range(24)]
        found = list(pool.map(torch.no_grad()(made), given))
    assert all(torch.equal(value, whole(one)) for value, one in zip(found, given))


@torch.no_grad()
def test_what_is_in_ram_is_not_read_again(tmp_path: Path) -> None:
    whole, made, _ = staged(active_layers, tmp_path, 6)
    for _ in range(3):
        made(inputs(whole.graph))
    traffic = made.residency()
    assert traffic.loads > 6 and traffic.ram.loads == 6 and traffic.ram.hits == traffic.loads - 6


@torch.no_grad()
def test_what_fails_below_is_told_above(tmp_path: Path) -> None:
    whole, made, _ = staged(moe, tmp_path, 2)
    content = (tmp_path / "expert.3.safetensors").read_bytes()
    (tmp_path / "expert.3.safetensors").unlink()
    kept = torch.zeros(5, 3, 8, dtype=torch.bool)
    kept[..., 3] = True
    with made.replay({"gate": kept}), pytest.raises(Unloadable, match="CC1450"):
        made(inputs(whole.graph))
    assert not made._memory.residents.held and not made._memory.ram.held
    (tmp_path / "expert.3.safetensors").write_bytes(content)
    with made.replay({"gate": kept}), whole.replay({"gate": kept}):
        assert torch.equal(made(inputs(whole.graph)), whole(inputs(whole.graph)))
    twin = copy.deepcopy(made)
    assert torch.equal(twin(inputs(whole.graph)), whole(inputs(whole.graph)))


def test_ram_has_room_for_each_chunk(tmp_path: Path) -> None:
    _, made, versions = stored(moe(), tmp_path)
    graph = replace(made.graph, memory=made.graph.memory.but(ram=100))
    with pytest.raises(CompileError, match="CC1459"):
        Memory(graph, versions, device=Device(CPU))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@torch.no_grad()
def test_on_a_gpu(tmp_path: Path) -> None:
    whole, made, _ = stored(moe(), tmp_path)
    whole.cuda()
    made.cuda()
    for seed in range(4):
        given = inputs(whole.graph, seed).cuda()
        torch.testing.assert_close(made(given), whole(given))
    traffic = made.residency()
    assert traffic.peak <= traffic.room and traffic.ram.loads > 0
    made.cpu()
    assert made.residency().ram is None
    torch.testing.assert_close(made(inputs(whole.graph)), whole.cpu()(inputs(whole.graph)))
