"""Captured by others: `torch.compile(fullgraph=True)`, `torch.export` with free sizes, and the standalone module."""

from __future__ import annotations

import copy
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch
from torch import Tensor

import chunkc
from chunkc.backends.torch import CompiledModule

SPECS = Path(chunkc.__file__).parent / "specs"
SMALL = {
    "moe": ({"d": 8, "experts": 4}, (3, 5, 8), (2, 9, 8)),
    "switch": ({"d": 8, "experts": 4}, (3, 5, 8), (2, 9, 8)),
    "active_layers": ({"d": 8, "layers": 6}, (6, 3, 8), (9, 4, 8)),
    "early_exit": ({"d": 8, "layers": 3, "classes": 3}, (8, 8), (11, 8)),
    "topk_neurons": ({"d": 8, "rank": 3}, (3, 4, 8), (2, 6, 8)),
    "dynamic_sparsity": ({"d": 6}, (6, 6), (9, 6)),
}


def made_of(spec: str) -> CompiledModule:
    made = chunkc.compile(SPECS / f"{spec}.cc", **SMALL[spec][0])
    assert isinstance(made, CompiledModule)
    return made.eval()


def normal(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spec", SMALL)
def test_compile_fullgraph(spec: str) -> None:
    made = made_of(spec)
    torch._dynamo.reset()
    compiled = torch.compile(made, fullgraph=True, backend="eager")
    for training in (False, True):
        made.train(training)
        twin = copy.deepcopy(made)
        for seed, shape in enumerate(SMALL[spec][1:]):
            x = normal(shape, seed)
            assert torch.allclose(compiled(x), twin(x), atol=1e-5)
            assert made.stats().keys() == twin.stats().keys()
            assert made.losses().keys() == twin.losses().keys()


@pytest.mark.parametrize("spec", SMALL)
def test_export_with_free_sizes_and_unseen_routes(spec: str) -> None:
    made = made_of(spec)
    shape = SMALL[spec][1]
    free = dict.fromkeys(range(len(shape) - 1), torch.export.Dim.AUTO)
    exported = torch.export.export(made, (normal(shape),), dynamic_shapes=((free,),)).module()
    for seed, other in enumerate((*SMALL[spec][1:], *SMALL[spec][1:])):
        x = normal(other, seed)
        assert torch.allclose(exported(x), made(x), atol=1e-5)


@pytest.mark.slow
def test_compile_inductor_trains() -> None:
    made, x = made_of("moe").train(), normal((3, 5, 8))
    twin = copy.deepcopy(made)
    torch._dynamo.reset()
    compiled = torch.compile(made, fullgraph=True)
    for one in (compiled, twin):
        one(x).sum().backward()
    for mine, other in zip(made.parameters(), twin.parameters()):
        assert torch.allclose(mine.grad, other.grad, atol=1e-5)


def standalone(spec: str) -> str:
    return chunkc.standalone(SPECS / f"{spec}.cc", **SMALL[spec][0])


@pytest.mark.parametrize("spec", SMALL)
def test_standalone_gives_the_same(spec: str) -> None:
    made, space = made_of(spec), types.ModuleType("written")
    exec(compile(standalone(spec), spec, "exec"), space.__dict__)
    written = getattr(space, type(made).__name__)()
    assert list(written.state_dict()) == list(made.state_dict())
    written.load_state_dict(made.state_dict())
    for training in (False, True):
        x = normal(SMALL[spec][1], 3)
        assert torch.equal(written.train(training)(x), made.train(training)(x))
        assert {name: value.item() for name, value in written.losses().items()}.items() <= {
            name: value.item() for name, value in made.losses().items()
        }.items()


def test_standalone_needs_torch_alone(tmp_path: Path) -> None:
    path = tmp_path / "moe.py"
    path.write_text(standalone("moe"), encoding="utf-8")
    code = "import sys, torch, moe; print(tuple(moe.Moe()(torch.ones(2, 3, 8)).shape), 'chunkc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(2, 3, 8) False"


def test_source_reads_as_written_by_hand() -> None:
    source = made_of("moe").source
    assert "self.expert = nn.ModuleList(Expert() for _ in range(4))" in source
    assert "return self.linear_2(F.gelu(self.linear_1(h)))" in source
