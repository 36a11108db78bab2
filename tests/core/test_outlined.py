"""Outlined parts and stacked arrays: their words print, read back equal, and mean what the plain call means."""

from __future__ import annotations

import numpy as np
import pytest

from chunkc.backends.reference import run
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.equality import difference
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph

TEXT = """core m {parameters = [p("w", f32[4, 4], uniform(0.5)), p("e.0.v", f32[4, 4], uniform(0.5)), p("e.1.v", f32[4, 4], uniform(0.5))]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %w = param "w" : f32[4, 4]
    output "value" = %w
  }
  chunk %c1 "" {
    %a = input "a" : f32[B, 4]
    %b = op tanh (%a) : f32[B, 4]
    output "value" = %b
  }
  chunk %c2 "e" {
    %a = input "a" : f32[B, 4]
    %v = param "v" : f32[4, 4]
    %b = op linear (%a, %v) {slots = ["x", "weight"]} : f32[B, 4]
    output "value" = %b
  }
  %h = hoisted {body = %c0} : f32[4, 4]
  %y = cached (%x) {body = %c1, path = "p", entries = 64, rows = 1, keys = [true]} : f32[B, 4]
  %z = op linear (%y, %h) {slots = ["x", "weight"]} : f32[B, 4]
  %g = grouped "e" (%z) {members = ["0", "1"], body = %c2} : bundle[2](f32[B, 4])
  %f = fuse "mean" (%g) : f32[B, 4]
  output "y" = %f
}
"""  # noqa: E501


def test_words_print_and_read_back_equal() -> None:
    graph = loads(TEXT)
    printed = print_graph(graph)
    assert difference(graph, loads(printed)) is None
    for word in ("hoisted {body", 'cached (%x) {body = %c1, path = "p"', 'grouped "e" (%z)'):
        assert word in printed


def test_a_word_is_a_difference() -> None:
    assert difference(loads(TEXT), loads(TEXT.replace("grouped", "apply"))) is not None


def test_words_mean_the_plain_call() -> None:
    draw = np.random.default_rng(0)
    params = {name: draw.standard_normal((4, 4)) for name in ("w", "e.0.v", "e.1.v")}
    x = draw.standard_normal((3, 4))
    z = np.tanh(x) @ params["w"].T
    expected = z @ (params["e.0.v"] + params["e.1.v"]).T / 2
    np.testing.assert_allclose(run(loads(TEXT), {"x": x}, params).outputs["y"], expected, rtol=1e-12)


PARAM = '%v = param "w" : f32[4, 4]\n'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("hoisted {body = %c0}", "hoisted (%x) {body = %c0}", "what is hoisted takes no operands"),
        ("hoisted {body = %c0}", "hoisted {body = none}", "a hoisted part has a body"),
        ('%w = param "w" : f32[4, 4]\n', f'{PARAM}    %w = op uniform (%v) {{path = "u"}} : f32[4, 4]\n', "no draws"),
        ("hoisted {body = %c0}", 'hoisted {body = %c0, members = ["0"]}', "neither chunk nor members"),
        ('path = "p", ', "", "has a `path`"),
        ("entries = 64", "entries = 0", "at least one entry"),
        ("entries = 64", "entries = 64, bits = 0", "at least one bit"),
        ("keys = [true]", "keys = [false]", "whether it is a key"),
        ("rows = 1", "rows = 3", "depend on that row"),
        ("rows = 1", "rows = 0", "decides, draws and leaves nothing"),
        ("op tanh (%a)", "op softmax (%a) {axis = -2}", "depend on that row"),
        ("op tanh (%a)", 'op uniform (%a) {path = "u"}', "decides, draws and leaves nothing"),
    ],
)
def test_wrong_words_are_told(old: str, new: str, told: str) -> None:
    with pytest.raises(CompileError, match=told):
        loads(TEXT.replace(old, new))
