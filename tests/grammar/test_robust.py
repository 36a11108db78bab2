"""Whatever the text, the parser ends soon, with a tree or with diagnostics."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.source import Source
from chunkc.grammar.equal import same
from chunkc.grammar.format import format_file, format_source
from chunkc.grammar.parse import parse
from chunkc.grammar.tree import File

EXAMPLES = [path.read_text() for path in sorted((Path(__file__).parent / "examples").glob("*.cc"))]
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|\w+%?|\|>|->|\.\.|[=<>!]=|\s+|.', re.S)
PIECES = [
    "# c\n",
    "\n",
    "\n\n\n",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "=",
    "- ",
    "if a { b } else { c }",
    "%0",
    '"',
    "model b { x = 1 }",
    "1e9",
    "λ",
]


def read(text: str) -> File | None:
    """The tree, or nothing if there are errors; each has a place inside the text."""
    findings = Findings()
    try:
        file = parse(Source("a.cc", text), findings)
    except CompileError:
        assert len(findings.errors) == findings.limit
    for item in findings.items:
        for label in item.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text)
            assert label.span.line >= 1 and label.span.column >= 1
        assert item.message and item.code.startswith("CC01")
    return None if findings.errors else file


def check(text: str) -> None:
    file = read(text)
    if file is None:
        return
    formatted = format_source(text, "a.cc")
    again = read(formatted)
    assert again is not None and same(again, file)
    assert format_source(formatted, "a.cc") == formatted
    assert sorted(comments(formatted)) == sorted(comments(text))
    printed = read(format_file(file))
    assert printed is not None and same(printed, file)


def comments(text: str) -> list[str]:
    return [token.rstrip() for token in TOKEN.findall(text) if token.startswith("#")]


@given(st.text(max_size=200))
def test_random_text(text: str) -> None:
    check(text)


@given(st.lists(st.sampled_from([*PIECES, *{token for text in EXAMPLES for token in TOKEN.findall(text)}]), max_size=60))
def test_random_tokens(tokens: list[str]) -> None:
    check(" ".join(tokens))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    tokens = TOKEN.findall(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["delete", "double", "swap", "insert", "comment", "lengthen", "space"])):
            case "delete" if len(tokens) > 1:
                del tokens[at]
            case "double":
                tokens.insert(at, tokens[at])
            case "swap":
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case "insert":
                tokens.insert(at, draw(st.sampled_from(PIECES)))
            case "comment":
                tokens.insert(at, f"# {draw(st.integers(0, 9))}\n")
            case "lengthen" if tokens[at].isidentifier():
                tokens[at] += "_" + "y" * draw(st.integers(1, 60))
            case "space" if tokens[at].isspace():
                tokens[at] = draw(st.sampled_from([" ", "\n", "\t", "\n\n\n"]))
    return "".join(tokens)


@given(mutated())
def test_mutated_examples(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "piece", ["(", "[", "{", "}", ")", "x ", "x = ", "\n}", "model a {\n", "#", '"', "if a { ", "f(", "-", "x |> ", "λ", "use \n"]
)
def test_long_and_monotonous(piece: str) -> None:
    start = time.perf_counter()
    for text in (piece * 5_000, "model m {\n  x = " + piece * 5_000 + "\n}"):
        assert read(text) is None or set(text) <= set("#x-\n{} model=")
    assert time.perf_counter() - start < 20
