"""Python classes and functions in a model, whatever their code does."""

from pathlib import Path

import pytest
import torch

import chunkc
from chunkc.backends.torch import CompiledModule


def alike(folder: Path, text: str, memory: str = "") -> CompiledModule:
    """Two chunks that one runner serves."""
    name = f"alike_{folder.name}".replace("[", "_").replace("-", "_").replace("]", "_")
    (folder / f"{name}.py").write_text(text)
    both = "".join(
        f'chunk {one}(x: f32[B, 4]) -> f32[B, 4] = extern("py:{name}:f", on_missing=zero)\n' for one in ("left", "right")
    )
    text = f"model m {{\n input x: f32[B, 4]\n {both} {memory}\n output y = left(x) + right(2 * x)\n}}\n"
    (folder / "m.cc").write_text(text)
    return chunkc.compile(folder / "m.cc", allow_python=True).eval()


@pytest.mark.parametrize(
    "text, memory",
    [("def f(x):\n    raise ValueError()\n", ""), ("raise SystemExit(3)\n", "memory { budget = 100% }")],
    ids=["run", "import"],
)
def test_alike_chunks_are_missing_each_by_its_name(tmp_path: Path, text: str, memory: str) -> None:
    made, x = alike(tmp_path, text, memory), torch.randn(3, 4)
    with torch.no_grad(), pytest.warns(RuntimeWarning, match="CC1454"):
        assert torch.equal(made(x), torch.zeros(3, 4))
    assert sorted(made.missing()) == ["left", "right"]


def test_a_function_writes_into_copies(tmp_path: Path) -> None:
    made, x = alike(tmp_path, "def f(x):\n    return x.add_(1)\n"), torch.zeros(2, 4)
    with torch.no_grad():
        assert torch.equal(made(x), torch.full((2, 4), 2.0)) and not x.any()


CACHED = """
model m {
  input x: f32[B, 4]
  chunk a(h: f32[B, 4]) -> f32[B, 4] = extern("py:NAME:f", on_missing=skip)
  chunk b(h) { h |> linear(4) }
  router r { score = x |> linear(64) |> gelu |> linear(2)  keep = top(1)  cache = exact(entries=8) }
  fuse y = weighted_sum([a(x), b(x)], by=r)
  output y
}
"""


def test_a_call_that_begins_again_counts_once(tmp_path: Path) -> None:
    name = f"once_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("def f(x):\n    raise ValueError()\n")
    (tmp_path / "m.cc").write_text(CACHED.replace("NAME", name))
    made, x = chunkc.compile(tmp_path / "m.cc", allow_python=True).eval(), torch.randn(64, 4)
    with torch.no_grad(), pytest.warns(RuntimeWarning, match="CC1454"):
        made(x)
    (stats,) = made.caches().values()
    assert (stats.rows, stats.hits, stats.used) == (64, 0, 8) and list(made.missing()) == ["a"]
