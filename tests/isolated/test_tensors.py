"""Isolated chunks as runners: tensors of every dtype there and back, signatures, and what may be installed for them."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from foreign_files import foreign as stored
from foreign_files import write_linear
from torch import nn

from chunkc.backends.isolated import chunk as isolated_chunk
from chunkc.backends.torch.foreign.runners import load
from chunkc.compiler.loading.places import Unloadable

LINEAR = nn.Linear(4, 3)


def foreign(*about, isolated=False, **more):
    return replace(stored(*about, **more), isolated=isolated)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """The interpreter of this process in the place of an environment: its packages are at hand."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(isolated_chunk, "interpreter", lambda requires, allowed, offline: Path(sys.executable))


def test_an_onnx_file_gives_what_it_gives_here(tmp_path, here):
    path = write_linear(tmp_path / "m.onnx", LINEAR.weight.detach(), LINEAR.bias.detach())
    inside, apart = load(foreign("onnx", path)), load(foreign("onnx", path, isolated=True))
    assert apart.bytes == inside.bytes
    for rows in (1, 5, 0):
        x = torch.randn(rows, 8)[:, ::2]  # with gaps
        assert torch.equal(apart.run([x]), inside.run([x]))
    apart.close()


def test_the_signature_is_checked(tmp_path, here):
    path = write_linear(tmp_path / "m.onnx", LINEAR.weight.detach(), LINEAR.bias.detach())
    with pytest.raises(Unloadable, match=r"CC1461.*`x` is f32\[B, 4\].*`x: f32\[B, 5\]`"):
        load(foreign("onnx", path, width=5, isolated=True))


def test_archives_are_not_isolated(tmp_path):
    (tmp_path / "m.pt2").write_bytes(b"")
    with pytest.raises(Unloadable, match="CC1477"):
        load(foreign("pt2", tmp_path / "m.pt2", isolated=True))


def test_a_spec_alone_has_no_package_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_linear(tmp_path / "m.onnx", LINEAR.weight.detach(), LINEAR.bias.detach())
    for requires in (["onnxruntime", "left-pad"], ["onnxruntime @ https://elsewhere/onnxruntime.whl"]):
        with pytest.raises(Unloadable, match="CC1471"):
            load(foreign("onnx", path, isolated=True, requires=requires))


def test_packages_are_installed_where_python_is_allowed(tmp_path, monkeypatch):
    asked = []
    here = Path(sys.executable)
    monkeypatch.setattr(isolated_chunk, "interpreter", lambda requires, allowed, offline: asked.append(allowed) or here)
    path = write_linear(tmp_path / "m.onnx", LINEAR.weight.detach(), LINEAR.bias.detach())
    chunk = foreign("onnx", path, isolated=True, requires=["onnxruntime", "left-pad"])
    for allowed in (False, True):
        load(replace(chunk, place=replace(chunk.place, allowed=allowed))).close()
    load(foreign("onnx", path, isolated=True, requires=["onnxruntime>=1.20", "NumPy"])).close()
    assert asked == [False, True, True]


@pytest.mark.slow
def test_tensors_of_every_dtype_for_a_module_that_imports_torch(tmp_path, here):
    (tmp_path / "same.py").write_text("import torch\ndef same(x):\n    assert isinstance(x, torch.Tensor)\n    return x\n")
    chunk = isolated_chunk.IsolatedChunk("edges", "py:same:same", "py", "same:same", folder=str(tmp_path), allowed=True)
    from chunkc.backends.torch.foreign.isolated import TENSORS, _bytes

    for dtype, kind in TENSORS.items():
        for shape in ((), (3,), (2, 0), (2, 3)):
            x = (torch.randn(shape) * 3).to(kind)
            given = (dtype, shape, _bytes(x))
            assert chunk.run([given]) == (dtype, shape, bytearray(given[2]))
    chunk.close()
