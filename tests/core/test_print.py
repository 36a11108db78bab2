"""The core form: what is printed reads back equal, and wrong text is told with its place."""

from __future__ import annotations

import math
import struct

import pytest

from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.equality import difference, equal, key
from chunkc.compiler.ir import Graph
from chunkc.compiler.source import Source
from chunkc.compiler.verify import verify
from chunkc.grammar.core_values import CoreValues
from chunkc.grammar.parse import parse
from chunkc.grammar.print_core import print_graph, print_value
from chunkc.grammar.read_core import read_core
from chunkc.grammar.tree import Core

MOE = """\
core moe {training = false, parameters = [
    p("expert.0.w", f32[512, 512], uniform(0.04419417382415922)),
    p("expert.1.w", f32[512, 512], uniform(0.04419417382415922), "frozen"),
    p("gate.w", f32[2, 512], normal(1.0)),
    p("bias", f32[2], constant(0.0), "state"),
  ]} {
  %x = input "x" : f32[B, T, 512]
  %1 = param "gate.w" : f32[2, 512]
  %2 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, T, 2]
  %3 = op softmax (%2) {axis = -1} : f32[B, T, 2]
  %4 = state "bias" : f32[2]
  %5 = op add (%2, %4) : f32[B, T, 2]
  %gate = select "gate" (%2, %3, %5) {kind = "router", slots = ["score", "weight", "of.0"], \
rules = [top(1, of="of.0")]} : selection(bool[B, T, 2], f32[B, T, 2])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 512]
    %1 = param "w" : f32[512, 512]
    %2 = op linear (%h, %1) {slots = ["x", "weight"]} : f32[B, T, 512]
    output "" = %2
  }
  %7 = apply "expert" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 512])
  %8 = fuse "sum" (%7, %gate) {by = true} : f32[B, T, 512]
  %9 = field "load" (%gate) : f32[2]
  output "y" = %8
  next "bias" = %9
}
"""


def read(text: str) -> Graph:
    findings = Findings()
    file = parse(Source("test.cc", text), findings)
    findings.check()
    (core,) = (item for item in file.items if isinstance(item, Core))
    return read_core(core, findings)


def test_moe_reads_back_as_written() -> None:
    graph = read(MOE)
    verify(graph)
    assert print_graph(graph) == MOE
    assert difference(graph, read(print_graph(graph))) is None


VALUES = [
    True,
    0,
    -3,
    2**63 - 1,
    -(2**63),
    0.1,
    -0.0,
    5e-324,
    1e308,
    math.inf,
    -math.inf,
    math.nan,
    -math.nan,
    struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000123))[0],
    "plain",
    "f32",
    'a "quoted"\n\ttext \\ with \u2028 and \x00',
    None,
    (),
    (1, "a", (2.0, None)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_read_back(value: object) -> None:
    findings = Findings()
    text = f"core g {{a = {print_value(value)}}} {{}}"
    file = parse(Source("test.cc", text), findings)
    found = CoreValues(findings).value(file.items[0].attributes[0].value)
    assert not findings.items
    assert key(found) == key(value)


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("op softmax", "op softmx", "CC0601", "op softmx"),
        ('fuse "sum" (%7', 'fuze "sum" (%7', "CC0601", "fuze"),
        ("(%2, %4)", "(%2, %44)", "CC0602", "%44"),
        ("body = %c0", "body = %c1", "CC0602", "%c1"),
        ('next "bias"', 'next "bas"', "CC0602", 'next "bas"'),
        ("%3 = op softmax", "%2 = op softmax", "CC0603", "op softmax"),
        ("{axis = -1}", "{axis = -1, axis = -1}", "CC0603", "axis = -1}"),
        (": f32[B, T, 2]\n  %4", ": f3[B, T, 2]\n  %4", "CC0604", "f3[B"),
        ("bundle[2](", "bundle(", "CC0604", "bundle("),
        ("{axis = -1}", "{axis = T * (1 / 2)}", "CC0605", "1 / 2"),
        ('members = ["0", "1"]', "members = floor(3)", "CC0605", "floor(3"),
        ("op add (%2, %4)", "op add (%2)", "CC0606", "%5 = op add"),
        ("{axis = -1}", "{axis = 2}", "CC0606", "%3 = op softmax"),
        ("{axis = -1}", '{axis = "a"}', "CC0606", "%3 = op softmax"),
        ("top(1,", "top(-1,", "CC0606", "%gate = select"),
        ('members = ["0", "1"]', 'members = ["0", "2"]', "CC0606", '%1 = param "w"'),
        ('input "h" : f32[B, T, 512]', 'input "h" : f32[B, T, 256]', "CC0606", "%2 = op linear (%h"),
    ],
)
def test_wrong_text_is_told_with_its_place(old: str, new: str, code: str, place: str) -> None:
    assert old in MOE
    text = MOE.replace(old, new, 1)
    with pytest.raises(CompileError) as caught:
        read(text)
    first = caught.value.diagnostics[0]
    assert first.code == code
    where = text.index(place)
    assert first.span.start <= where + len(place) and where <= first.span.end


def test_order_and_names_of_nodes_do_not_count_but_paths_do() -> None:
    graph = read(MOE)
    swapped = MOE.replace(
        '  %x = input "x" : f32[B, T, 512]\n  %1 = param "gate.w" : f32[2, 512]\n',
        '  %w = param "gate.w" : f32[2, 512]\n  %y = input "x" : f32[B, T, 512]\n',
    )
    swapped = swapped.replace("%x", "%y").replace("(%y, %1)", "(%y, %w)")
    assert equal(graph, read(swapped))
    assert "gate" in (difference(graph, read(MOE.replace('select "gate"', 'select "door"'))) or "")
