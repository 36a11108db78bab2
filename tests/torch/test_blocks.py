"""Tensors of modules and state dicts are stored bit for bit, block by block, wherever and however they lie."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

import chunkc
from chunkc.backends.torch import blocks
from chunkc.compiler.diagnostics import CompileError
from chunkc.store.store import Store


def bytes_of(tensor):
    return b"".join(blocks.blocks(tensor))


def plain(tensor):
    return tensor.resolve_conj().clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8).numpy().tobytes()


LAYOUTS = {
    "plain": torch.randn(7, 5),
    "scalar": torch.tensor(3.0),
    "empty": torch.zeros(0, 3),
    "transposed": torch.randn(6, 9, 4).transpose(0, 2),
    "strided": torch.arange(40)[::3],
    "expanded": torch.randn(1, 5).expand(40, 5),
    "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "conjugate": torch.randn(4, 3, dtype=torch.complex64).conj(),
    "half": torch.randn(9).bfloat16(),
    "bool": torch.rand(9) > 0.5,
    "eight": torch.randn(8).to(torch.float8_e4m3fn),
}


@pytest.mark.parametrize("block", [8, 64, 1 << 20])
@pytest.mark.parametrize("name", LAYOUTS)
def test_bytes_are_those_of_the_tensor(name, block, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", block)
    assert bytes_of(LAYOUTS[name]) == plain(LAYOUTS[name])
    if name != "empty":
        assert max(len(piece) for piece in blocks.blocks(LAYOUTS[name])) <= max(block, 8)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(3, 4).bfloat16() for _ in range(3))
        self.register_buffer("steps", torch.tensor(7))


def test_a_module_is_imported_in_parts(tmp_path):
    net = Net()
    manifest = chunkc.import_checkpoint(net, "net@v1", store=tmp_path / "store", split="layers.{layer}")
    assert set(manifest.parts) == {"", "layers.0", "layers.1", "layers.2"}
    found = load_file(manifest.parts["layers.1"].blob.path)
    assert set(found) == {"weight", "bias"}
    assert torch.equal(found["weight"], net.layers[1].weight) and found["bias"].dtype == torch.bfloat16
    assert load_file(manifest.parts[""].blob.path)["steps"] == 7
    same = chunkc.import_checkpoint(net.state_dict(), "net@v1", store=tmp_path / "store", split="auto")
    assert same.sha256 == manifest.sha256


def test_a_checkpoint_file_is_imported_by_its_path(tmp_path):
    from safetensors.torch import save_file

    save_file(dict(Net().state_dict()), tmp_path / "net.safetensors")
    manifest = chunkc.import_checkpoint(tmp_path / "net.safetensors", "net@v1", store=tmp_path / "store", split="auto")
    assert set(Store(tmp_path / "store").tensors(manifest)) == set(Net().state_dict())


def test_what_cannot_be_stored_is_told_at_once(tmp_path):
    state = {"a": torch.zeros(2, device="meta"), "b": 3, "c": torch.eye(2).to_sparse(), "d": torch.zeros(2), 4: torch.zeros(2)}
    with pytest.raises(CompileError) as caught:
        chunkc.import_checkpoint(state, "net@v1", store=tmp_path / "store")
    assert [(d.code, d.span.text) for d in caught.value.diagnostics] == [("CC1438", name) for name in "abc4"]
    assert all(d.hint for d in caught.value.diagnostics)
    with pytest.raises(CompileError, match="CC1427"):
        chunkc.import_checkpoint({"d": torch.zeros(2)}, "net@v1")
