"""What a command reads besides its spec: `--store`, `--weights`, and what it says without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

import chunkc
from chunkc.cli import group
from chunkc.store.adding import add
from chunkc.store.opening import Outside, values_of
from chunkc.store.store import Store

SPEC = """
model m(d: int = 4) {
  input x: f32[B, 3]
  chunk edges(x: f32[B, 3]) -> f32[B, d] = extern("models/edges@v1")
  chunk plain(x) { x |> linear(d) } from "weights/plain"
  output y = edges(x) + plain(x)
}
"""
EDGES = "model edges(d: int = 4) {\n  input x: f32[B, 3]\n  output y = x |> linear(d)\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec, and a store beside it."""
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    (tmp_path / "m.cc").write_text(SPEC)
    (tmp_path / "edges.cc").write_text(EDGES)
    torch.manual_seed(0)
    save_file({"y.linear_1.weight": torch.randn(4, 3), "y.linear_1.bias": torch.randn(4)}, tmp_path / "edges.safetensors")
    save_file({"linear_1.weight": torch.randn(4, 3), "linear_1.bias": torch.randn(4)}, tmp_path / "plain.safetensors")
    store = Store(tmp_path / "chunks")
    add(store, tmp_path / "edges.cc", "models/edges", "v1", tmp_path / "edges.safetensors")
    add(store, tmp_path / "plain.safetensors", "weights/plain", "v1")
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(group, list(map(str, arguments)))


def test_both_backends_read_the_store(folder: Path):
    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((2, 3)).astype("f4"))
    given = ("--input", f"x={folder / 'x.npy'}", "--store", folder / "chunks", "--json")
    for backend in ("torch", "reference"):
        result = run("run", folder / "m.cc", *given, "--backend", backend)
        assert result.exit_code == 0, result.output
    module = chunkc.compile(folder / "m.cc", store=folder / "chunks").eval()
    x = torch.from_numpy(np.load(folder / "x.npy"))
    with torch.no_grad():
        y = module(x)
    graph = chunkc.load(folder / "m.cc", store=folder / "chunks")
    values = values_of(graph, Outside(folder / "chunks").versions(graph, folder / "m.cc"))
    assert set(values) == {p.path for p in graph.parameters} and {p.kind for p in graph.parameters} == {"frozen"}
    np.testing.assert_allclose(y.numpy(), chunkc.reference(graph, {"x": x.numpy()}, values).output, rtol=1e-5, atol=1e-6)


def test_without_a_store_it_says_what_is_in_the_way(folder: Path):
    result = run("run", folder / "m.cc", "--dims", "B=2")
    assert result.exit_code == 2 and "error[CC0711]" in result.stderr and "there is no store" in result.stderr
    assert "warning[CC1446]" in result.stderr
    assert run("check", folder / "m.cc").exit_code == 0
    result = run("run", folder / "m.cc", "--dims", "B=2", "--store", folder / "nowhere")
    assert result.exit_code == 1 and "error[CC1400]" in result.stderr


def test_the_store_beside_the_spec_and_that_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHUNKC_STORE", str(folder / "chunks"))
    assert run("run", folder / "m.cc", "--dims", "B=2").exit_code == 0
    monkeypatch.delenv("CHUNKC_STORE")
    (folder / "chunks").rename(folder / "chunkc-store")
    assert run("simulate", folder / "m.cc", "--dims", "B=2", "--target", "cpu-generic").exit_code == 0
    assert run("opt", folder / "m.cc").stdout.count("frozen = true") == 4


def test_a_module_serves_on_in_another_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    module, x = chunkc.compile("m.cc", store="chunks").eval(), torch.randn(2, 3)
    monkeypatch.chdir("/")
    with torch.no_grad():
        assert module(x).shape == (2, 4)


def test_weights_of_the_whole_model(folder: Path):
    (folder / "w.cc").write_text("model w {\n  input x: f32[B, 3]\n  output y = x |> linear(4)\n}\n")
    add(Store(folder / "chunks"), folder / "edges.safetensors", "weights/w", "v1")
    module = chunkc.compile(folder / "w.cc", store=folder / "chunks", weights="weights/w@v1").eval()
    plain = chunkc.compile(folder / "w.cc").eval()
    plain.load_state_dict(load_file(folder / "edges.safetensors"))
    x = torch.randn(3, 3)
    with torch.no_grad():
        assert torch.equal(module(x), plain(x))
    result = run("run", folder / "w.cc", "--dims", "B=2", "--store", folder / "chunks", "--weights", "weights/plain")
    assert result.exit_code == 1 and "error[CC1414]" in result.stderr
    for model in ("w.cc", "m.cc"):  # the second has none of its own
        result = run("run", folder / model, "--dims", "B=2", "--store", folder / "chunks", "--weights", "weights/none")
        assert result.exit_code == 1 and "error[CC1406]" in result.stderr
    result = run("run", folder / "w.cc", "--dims", "B=2", "--weights", "weights/w@v1")
    assert result.exit_code == 1 and "error[CC1427]" in result.stderr


def test_a_graph_is_held_to_the_store_that_it_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    graph = chunkc.load("m.cc", store="chunks")
    with torch.no_grad():
        x = torch.randn(2, 3)
        assert torch.equal(chunkc.compile(graph, store="chunks").eval()(x), chunkc.compile("m.cc", store="chunks").eval()(x))
    save_file({"linear_1.weight": torch.randn(4, 5), "linear_1.bias": torch.randn(4)}, folder / "other.safetensors")
    store = Store(folder / "others")
    add(store, folder / "edges.cc", "models/edges", "v1", folder / "edges.safetensors")
    add(store, folder / "other.safetensors", "weights/plain", "v1")
    with pytest.raises(chunkc.CompileError, match="CC1414"):
        chunkc.compile(graph, store="others")
