"""What users ask of a module whose weights lie in files: pins, all of it at once, copies, records."""

from __future__ import annotations

import copy
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored import parts
from stored_models import active_layers, inputs, moe, stored

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Attrs
from chunkc.compiler.loading.places import Unloadable


def only(way: int) -> dict[str, torch.Tensor]:
    kept = torch.zeros(5, 3, 8, dtype=torch.bool)
    kept[..., way] = True
    return {"gate": kept}


def refusal(action: Any) -> str:
    with pytest.raises(CompileError) as found:
        action()
    (diagnostic,) = found.value.diagnostics
    assert diagnostic.hint
    return diagnostic.code


@torch.no_grad()
def test_what_is_pinned_stays(tmp_path: Path) -> None:
    graph = moe()
    whole, made, versions = stored(graph, tmp_path)
    made.pin("expert.2")
    assert "expert.2" in made.residency().resident
    for seed in range(4):
        assert torch.equal(made(inputs(graph, seed)), whole(inputs(graph, seed)))
        assert "expert.2" in made.residency().resident
    assert made.residency().peak <= made.residency().room
    assert refusal(lambda: made.pin("expert.9")) == "CC1458"
    assert refusal(lambda: made.pin(*(f"expert.{i}" for i in range(8)))) == "CC1458", "a call would have no room"
    # Another version is pinned in its place.
    zeros = {name: torch.zeros_like(value) for name, value in whole.state_dict().items() if name.startswith("expert.2.")}
    versions.snapshot = {**versions.snapshot, **parts(tmp_path / "more", {**whole.state_dict(), **zeros}, ["expert.2"])}
    with whole.replay(only(2)), made.replay(only(2)):
        assert not torch.equal(made(inputs(graph)), whole(inputs(graph)))
        whole.load_state_dict(zeros, strict=False)
        assert torch.equal(made(inputs(graph)), whole(inputs(graph)))
    assert [key for key in made.residency().resident if "expert.2" in key] == ["expert.2@1"]
    made.unpin("expert.2")
    assert not made._memory.residents.held


@torch.no_grad()
def test_what_cannot_be_loaded_is_not_pinned(tmp_path: Path) -> None:
    graph = moe()
    whole, made, _ = stored(graph, tmp_path)
    (tmp_path / "expert.5.safetensors").unlink()
    with pytest.raises(Unloadable, match="CC1450"):
        made.pin("expert.5")
    assert not made._memory.residents.held
    with whole.replay(only(4)), made.replay(only(4)):
        assert torch.equal(made(inputs(graph)), whole(inputs(graph)))


def test_all_of_it_at_once(tmp_path: Path) -> None:
    graph = active_layers()
    whole, made, _ = stored(graph, tmp_path)
    given = inputs(graph)
    before = {name: id(value) for name, value in made.named_parameters()}
    assert refusal(lambda: made.train()(given)) == "CC1456"
    assert refusal(lambda: made.load_state_dict(whole.state_dict())) == "CC1456"
    made.eval()
    with torch.no_grad():
        made(given)
    assert made.materialise() is made
    assert {name: id(value) for name, value in made.named_parameters()} == before
    for name, value in whole.state_dict().items():
        assert torch.equal(made.state_dict()[name], value)
    made.train()(given).sum().backward()
    assert all(value.grad is not None for value in made.parameters() if value.requires_grad)
    with torch.no_grad():
        assert torch.equal(made.eval()(given), whole(given))
    program = torch.export.export(made, (given,), strict=False).module()
    torch.testing.assert_close(program(given), whole(given))


def test_without_a_budget_training_loads_all(tmp_path: Path) -> None:
    graph = replace(active_layers(), memory=Attrs())
    whole, made, _ = stored(graph, tmp_path)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    made.train()(inputs(graph)).sum().backward()
    before = made.state_dict()["block.0.linear_1.weight"].clone()
    assert torch.equal(before, whole.state_dict()["block.0.linear_1.weight"])
    optimizer.step()
    assert not torch.equal(made.state_dict()["block.0.linear_1.weight"], before)
    _, other, _ = stored(graph, tmp_path)
    other.load_state_dict(made.state_dict())
    assert torch.equal(other.state_dict()["block.0.linear_1.weight"], made.state_dict()["block.0.linear_1.weight"])


@torch.no_grad()
def test_copies_moves_and_states(tmp_path: Path) -> None:
    graph = moe()
    whole, made, _ = stored(graph, tmp_path)
    given = inputs(graph)
    made.load_state_dict(made.state_dict())
    twin = copy.deepcopy(made)
    assert torch.equal(made(given), whole(given)) and torch.equal(twin(given), whole(given))
    assert twin.residency().loads == made.residency().loads
    assert made.to("cpu") is made and torch.equal(made(given), whole(given))
    assert refusal(made.double) == "CC1457" and refusal(lambda: made.to(torch.bfloat16)) == "CC1457"
    assert torch.equal(made(given), whole(given))
    made.refresh()
    made.train().eval()
    assert torch.equal(made(given), whole(given))
    logged = made.log_steps(given)
    assert torch.equal(logged.value, whole(given))
    assert any(entry.kind == "acquire" for entry in logged.entries)
    assert not made._memory.residents.held


@torch.no_grad()
def test_stats_say_what_was_loaded(tmp_path: Path) -> None:
    graph = moe()
    whole, made, _ = stored(graph, tmp_path)
    made(inputs(graph))
    assert whole.stats().memory is None
    traffic = made.stats().memory
    assert traffic == made.residency() and made.stats().keys() == whole.stats().keys() | {"gate"}
    assert traffic.misses > 0 and traffic.stalls <= traffic.misses + traffic.hits and traffic.stalled >= 0
    assert traffic.now == sum(made._memory.residents.sizes[key] for key in traffic.resident) <= traffic.peak


@torch.no_grad()
def test_pins_leave_room_for_what_is_always_there(tmp_path: Path) -> None:
    """As many as a call has room beside; one more is refused, and calls go on."""
    graph = active_layers()
    whole, made, _ = stored(graph, tmp_path, [""])
    given, pinned = inputs(graph), 0
    with pytest.raises(CompileError, match="CC1458"):
        for pinned in range(6):
            made.pin(f"block.{pinned}")
            assert torch.equal(made(given), whole(given))
    traffic = made.residency()
    assert traffic.peak <= traffic.room
    assert torch.equal(made(given), whole(given))
    made.unpin(*(f"block.{i}" for i in range(pinned)))
    assert torch.equal(made(given), whole(given))


def test_a_graph_of_torch_has_all_weights(tmp_path: Path) -> None:
    graph = replace(active_layers(), memory=Attrs())
    whole, made, _ = stored(graph, tmp_path)
    given = inputs(graph)
    assert refusal(lambda: torch.export.export(made, (given,), strict=False)) == "CC1456"
    compiled = torch.compile(made, backend="eager")
    assert refusal(lambda: compiled(given)) == "CC1456"
    # torch.compile watches parameters for as long as it has something compiled; so does this.
    watching = [weakref.ref(parameter) for parameter in made.parameters()]
    with pytest.warns(RuntimeWarning, match="make optimizers anew"):
        made.materialise()
    assert watching
    with torch.no_grad():
        assert torch.equal(compiled(given), whole(given)) and torch.equal(made(given), whole(given))
