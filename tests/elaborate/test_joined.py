"""`stack` and `concat` of bundles and lists: the op along an axis that is given, a fuse otherwise."""

from __future__ import annotations

import pytest

from chunkc.compiler.diagnostics import CompileError
from chunkc.grammar.elaborate import loads

MODEL = """
model joined {{
  input x: f32[B, T, 4]
  chunk part[3](h) {{ h |> linear(4) }}
  router r {{ score = x |> linear(3)  keep = top(2) }}
  output y = {text}
}}
"""


def made(text: str):
    node = loads(MODEL.format(text=text)).output("y")
    return node.op, str(node.type), node.attrs.get("axis", node.attrs.get("kind"))


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("stack([x, x])", ("stack", "f32[B, T, 4, 2]", -1)),
        ("stack([x, x], axis=1)", ("stack", "f32[B, 2, T, 4]", -3)),
        ("stack(part(x))", ("fuse", "f32[B, T, 3, 4]", "stack")),
        ("stack(part(x), axis=0)", ("stack", "f32[3, B, T, 4]", -4)),
        ("stack(part(x), by=r)", ("fuse", "f32[B, T, 3, 4]", "stack")),
        ("stack(part(x), axis=2, by=r)", ("fuse", "f32[B, T, 3, 4]", "stack")),
        ("stack(part(x), axis=-2, by=r)", ("fuse", "f32[B, T, 3, 4]", "stack")),
        ("concat([x, x], 1)", ("concat", "f32[B, 2 * T, 4]", -2)),
        ("concat(part(x), by=r)", ("fuse", "f32[B, T, 12]", "concat")),
        ("concat(part(x))", ("fuse", "f32[B, T, 12]", "concat")),
    ],
)
def test_what_joins(text, node):
    assert made(text) == node


def test_a_fuse_stacks_on_one_axis_only():
    with pytest.raises(CompileError) as caught:
        made("stack(part(x), axis=0, by=r)")
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == ("CC0401", "0")
