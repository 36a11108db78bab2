"""Specs with isolated chunks, from text to value."""

import pytest
import torch

import chunkc
from chunkc.compiler.diagnostics import CompileError

SPEC = """
model doubled(d: int = 4) {
  input x: f32[B, d]
  chunk other(x: f32[B, d]) -> f32[B, d] = extern("py:doubles:%s") requires "not-needed; python_version < '3'" isolated
  output y = other(x) + 1.0
}
"""
CHUNKS = """
import array, os

class Double:
    def __call__(self, x):
        flat = array.array("f", [2 * value for value in x.cast("B").cast("f")])
        return memoryview(flat).cast("B").cast("f", x.shape)

class Ends:
    def __call__(self, x):
        os._exit(3)
"""


def written(folder, name, **more):
    (folder / "doubles.py").write_text(CHUNKS)
    text = SPEC % name
    for old, new in more.items():
        text = text.replace(f'{old}")', f'{old}", {new})')
    (folder / "doubled.cc").write_text(text)
    return chunkc.compile(folder / "doubled.cc", allow_python=True).eval()


def test_a_class_runs_without_the_packages_of_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module = written(tmp_path, "Double")
    for rows in (1, 3):
        x = torch.randn(rows, 4)
        assert torch.equal(module(x), 2 * x + 1)
    with pytest.raises(CompileError, match="CC1461.*uint8"):
        module(torch.ones(1, 4, dtype=torch.uint8))
    with pytest.raises(CompileError, match="CC1467.*another process gives none"):
        module(torch.ones(1, 4, requires_grad=True))


def test_a_chunk_whose_process_ends_is_missing_and_the_model_serves_the_rest(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module = written(tmp_path, "Ends", Ends="on_missing=zero")
    x = torch.randn(3, 4)
    assert torch.equal(module(x), torch.ones(3, 4))
    (told,) = [str(one.message) for one in recwarn if "other" in str(one.message)]
    assert "exit status 3" in told or "CC1475" in told
    assert "exit status 3" in str(module.missing())
