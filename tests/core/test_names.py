"""Names of the core form are names: nothing in a file can end a string of the source text that is written from it."""

from __future__ import annotations

import pytest
import torch

import chunkc
from chunkc.compiler.diagnostics import CompileError

TEXT = """core m {training = false, parameters = [p("w", f32[2, 4], uniform(0.5))]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[2, 4]
  %s = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 2]
  %g = select "gate" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %u = op uniform (%x) {path = "noise"} : f32[B, 4]
  %y = fuse "sum" (%x, %u, %g) {by = true} : f32[B, 4]
  output "first" = %y
  output "all" = %s
  output "one_all" = %x
}
"""


@pytest.mark.parametrize("name", ["x", "w", "gate", "noise", "first"])
def test_no_name_reaches_into_the_text(name: str, tmp_path: object) -> None:
    path = tmp_path / "m.cc"  # type: ignore[operator]
    path.write_text(TEXT.replace(f'"{name}"', f'"{name}\\", print(1), \\""'))
    with pytest.raises(CompileError, match="is no name"):
        chunkc.load(path)


def test_outputs_may_be_called_like_all_of_them(tmp_path: object) -> None:
    path = tmp_path / "m.cc"  # type: ignore[operator]
    path.write_text(TEXT)
    module = chunkc.compile(path, passes=()).eval()
    x = torch.randn(3, 4)
    with torch.no_grad():
        both = module(x, outputs=["all", "one_all"])
        assert torch.equal(module(x, outputs="all"), both["all"])
        assert torch.equal(module(x, outputs="one_all"), x)
