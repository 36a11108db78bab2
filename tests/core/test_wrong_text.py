"""Core text that somebody has spoilt ends in diagnostics, or in a graph that is well formed: never in a traceback."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

from graphs import random_graph
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.source import Source
from chunkc.grammar.parse import parse
from chunkc.grammar.print_core import print_graph
from chunkc.grammar.read_core import read_core
from chunkc.grammar.tree import Core

VALUE = re.compile(r'(?<=[=\[ ,])(-?[0-9.]+|"[^"\n]*"|true|false|[BT]|f32|bool|none|all|%[\w.]+)(?=[,\]})])')
TOKEN = re.compile(r'"[^"\n]*"|%[\w.]+|[\w.]+|\S')
WRONG = """0 -1 1 3 -5 100000 9223372036854775807 1.5 -0.5 true none inf nan "x" "" [] [1] ["a"] [-1,-2] [0,0] B T B*T floor(T/2)
floor(1/0) %0 share(0.5) share(-1) share(nan) top(1) top(1.5) top("a") top(1,over=[]) top(1,over=3) above() all f32 bool (B-B) B-5
attrs(a=1) [[1]] nan(3) ( ) { } op field apply fuse select selection(bool[B],f32[B]) bundle[2](f32[B]) record(a=f32[B])"""
OTHER = WRONG.split()
FILES = sorted((Path(__file__).parents[1] / "passes" / "schedule").glob("*.cc"))
PLANNED = [path.read_text(encoding="utf-8").partition("# ---\n")[2] for path in FILES]
"""Graphs with a plan."""


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """The text of a random graph with a value or token or two exchanged, lost or repeated."""
    random = Random(draw(st.integers(0, 10**6)))
    text = random.choice(PLANNED)
    if random.random() < 0.8:
        text = print_graph(random_graph(random, training=random.random() < 0.5, steps=random.randint(1, 8)))
    for _ in range(random.choice((1, 1, 2, 4))):
        places = [found.span() for found in (VALUE if random.random() < 0.7 else TOKEN).finditer(text)]
        if not places:
            break
        start, end = random.choice(places)
        again = slice(*random.choice(places))
        text = text[:start] + random.choice((random.choice(OTHER), random.choice(OTHER), text[again], "")) + text[end:]
    return text


@given(spoilt())
def test_spoilt_text_is_told(text: str) -> None:
    findings = Findings()
    try:
        file = parse(Source("spoilt.cc", text), findings)
        for item in file.items:
            if isinstance(item, Core):
                read_core(item, findings)
    except CompileError as error:
        assert all(0 <= one.span.start <= one.span.end <= len(text) for one in error.diagnostics)


def test_a_chunk_body_stands_in_a_call_alone() -> None:
    """What prints a graph knows bodies by where they stand."""
    text = """core m {
  %x = input "x" : f32[B]
  chunk %c0 "a" {
    %x = input "x" : f32[B]
    output "" = %x
  }
  %y = apply "a" (%x) {members = [""], bady = %c0, single = true} : f32[B]
  output "y" = %y
}
"""
    findings = Findings()
    file = parse(Source("wrong.cc", text), findings)
    (core,) = (item for item in file.items if isinstance(item, Core))
    try:
        read_core(core, findings)
    except CompileError as error:
        assert [item.code for item in error.diagnostics][:1] == ["CC0605"]
    else:
        raise AssertionError("it was read")
