"""Each slip: where it is underlined, what is said, and that the rest of the file is still read."""

from __future__ import annotations

import pytest

from chunkc.compiler.codes import CODES
from chunkc.compiler.diagnostics import Diagnostic, Findings
from chunkc.compiler.source import Source
from chunkc.grammar import tree as t
from chunkc.grammar.parse import parse

FRAME = "model m {{\n  input x: f32[B]\n  {}\n  output y = x\n}}\n"


def read(text: str) -> tuple[t.File, list[Diagnostic]]:
    findings = Findings()
    file = parse(Source("a.cc", text), findings)
    return file, findings.items


# What stands on line 3 of the frame: code, column, underlined text, part of the message, part of the hint.
SLIPS = [
    ("y := 3", "CC0101", 5, ":", "found `:`", "given with `=`"),
    ("y == 3", "CC0108", 3, "y == 3", "goes nowhere", "`==` compares"),
    ("y = x ** 2", "CC0101", 10, "*", "expected a value", "no power operator"),
    ("y = x // 3", "CC0101", 10, "/", "expected a value", "a comment begins with `#`"),
    ("y += 3", "CC0101", 6, "=", "expected a value", "`a = a + b`"),
    ("if x = 3 { y = 2 }", "CC0101", 8, "=", "expected `{`", "equality is written `==`"),
    ("def f(x):", "CC0101", 7, "f", "found `f`", "chunk name(h)"),
    ("return y", "CC0101", 10, "y", "found `y`", "output name = value"),
    ("let y = 3", "CC0101", 7, "y", "found `y`", "no word before it"),
    ("y = lambda h: h", "CC0101", 14, "h", "found `h`", ""),
    ("y = x && z", "CC0103", 9, "&", "no meaning", "write `and`"),
    ("y = !x", "CC0103", 7, "!", "no meaning", "write `not`"),
    ("y = 10 % 3", "CC0103", 10, "%", "no meaning", "`mod`"),
    ("y = 'abc'", "CC0103", 7, "'", "no meaning", "double quotes"),
    ("y = 3;", "CC0103", 8, ";", "no meaning", "no `;` is needed"),
    ("y = x × 3", "CC0103", 9, "×", "U+00D7", "write `*`"),
    ("y = \u200b3", "CC0103", 7, "\u200b", "zero width space", ""),
    ("y = λ", "CC0103", 7, "λ", "greek small letter", "a to z"),
    ('y = "abc', "CC0104", 7, '"abc', "does not end", 'add a `"`'),
    (r'y = "a\qb"', "CC0105", 9, "\\q", "no escape", "the escapes are"),
    ("y = 4d", "CC0101", 7, "4d", "neither a number nor a name", "`4 * d`"),
    ("y = 99999999999999999999", "CC0107", 7, "99999999999999999999", "too large", ""),
    ("y = 1e999", "CC0107", 7, "1e999", "too large", ""),
    ("y = 9999999999TiB", "CC0107", 7, "9999999999TiB", "too large", ""),
    ("y = a < b < c", "CC0101", 13, "<", "found `<`", "do not chain"),
    ("y = x |> f + 3", "CC0101", 14, "+", "found `+`", "binds loosest"),
    ("y = x |> 3", "CC0110", 12, "3", "after `|>`", "`f(x, a)`"),
    ("y = 3 z = 4", "CC0101", 9, "z", "a new line", "lines of their own"),
    ("input z f32[B]", "CC0101", 11, "f32", "`:`", "after a `:`"),
    ("input", "CC0108", 3, "input", "goes nowhere", "input x: f32[B, d]"),
    ("x |> f", "CC0108", 3, "x |> f", "goes nowhere", "output name"),
    ("router g", "CC0101", 11, "\n", "found the end of the line", "same line"),
    ("router g { score = x, keep = top(1) }", "CC0101", 23, ",", "found `,`", "without commas"),
    ("f(x) = 3", "CC0112", 3, "f(x)", "left of `=`", ""),
    ("y = if a { b }", "CC0109", 7, "if a { b }", "has no value", "else"),
    ("y = f(if a { b = 3 })", "CC0109", 9, "if a { b = 3 }", "has no value", "else"),
    ("y = %0", "CC0111", 7, "%0", "outside", ""),
    ("y = f(x]", "CC0102", 10, "]", "`)` is missing", "add `)`"),
    ("y = )", "CC0102", 7, ")", "closes nothing", ""),
    ("y = x.3", "CC0101", 9, "3", "expected a name", ""),
    ("chunk f(h) { h } from a from b", "CC0113", 32, "b", "one handle", ""),
]


@pytest.mark.parametrize(("line", "code", "column", "underlined", "message", "hint"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_slip(line: str, code: str, column: int, underlined: str, message: str, hint: str) -> None:
    file, found = read(FRAME.format(line))
    assert len(found) == 1, [str(item) for item in found]
    (item,) = found
    assert (item.code, item.span.line, item.span.column) == (code, 3, column)
    assert item.span.text == underlined and message in item.message and hint in item.hint
    (model,) = file.items
    assert isinstance(model, t.Model)
    assert [s for s in model.body.statements if isinstance(s, t.Input)] and isinstance(model.body.statements[-1], t.Output)


def test_newline_before_minus_and_behind_operator() -> None:
    _, (minus,) = read(FRAME.format("y = a\n    - b"))
    assert (minus.span.line, minus.span.column) == (4, 5) and "parentheses" in minus.hint
    _, (plus,) = read(FRAME.format("y = a +\n    b"))
    assert (plus.span.line, plus.span.column) == (3, 10) and "begins with the operator" in plus.hint


def test_open_bracket_points_at_both_places() -> None:
    file, (item,) = read(FRAME.format("y = f(x"))
    assert item.code == "CC0101" and (item.span.line, item.span.text) == (4, "output") and "`)` missing" in item.hint
    assert (item.labels[1].span.line, item.labels[1].span.column) == (3, 8)
    (model,) = file.items
    assert isinstance(model, t.Model) and isinstance(model.body.statements[-1], t.Output)


def test_missing_brace_at_the_end_and_before_a_model() -> None:
    text = "model a {\n  chunk f(h) { h\n  output f\n}\n"
    _, (item,) = read(text)
    assert item.code == "CC0102" and "end of the file" in item.message
    assert [(label.span.line, label.span.column) for label in item.labels[1:]] == [(1, 9), (2, 14)]
    file, (item,) = read(text + "model b {\n  output x\n}\n")
    assert item.code == "CC0102" and item.span.line == 5 and "`model` stands only at the top" in item.message
    assert [model.name.text for model in file.items if isinstance(model, t.Model)] == ["a", "b"]


def test_brace_too_many() -> None:
    _, found = read("model a {\n  input x\n}\n}\nmodel b {\n  output x\n}\n")
    assert [(item.code, item.span.line) for item in found] == [("CC0102", 4)]
    _, found = read("model a {\n}\n  output x\n")
    assert "too many" in found[0].hint


def test_several_errors_in_one_run() -> None:
    text = "model a {\n  x = = 1\n  router r {\n    score = )\n    keep = top(1)\n    weight 3\n  }\n  y = 3 4\n}\nmodle b { }\n"
    file, found = read(text)
    assert [item.span.line for item in found] == [2, 4, 6, 8, 10]
    (model,) = file.items
    assert isinstance(model, t.Model)
    (router,) = [s for s in model.body.statements if isinstance(s, t.Selection)]
    assert [field.name.text for field in router.fields] == ["keep"]


def test_core_errors() -> None:
    _, found = read('core c {\n  %0 = input "x" : f32[B\n  %1 = op (%0)\n  %2 = = op relu\n  output "y" = %0\n}\n')
    assert [item.span.line for item in found] == [3, 4]


def test_too_large_and_too_deep() -> None:
    _, (item,) = read("#" * (1 << 20) + "\n")
    assert item.code == "CC0106"
    for deep in (
        "[" * 300 + "]" * 300,
        "-" * 300 + "x",
        "f(" * 300 + ")" * 300,
        "x" + " |> f" * 3000,
        "x" + " + y" * 3000,
        "x" + ".a" * 300,
    ):
        _, found = read(FRAME.format(f"y = {deep}"))
        assert [item.code for item in found] == ["CC0106"]
    _, found = read("model m {\n" + "for i in a {\n" * 300 + "}\n" * 300 + "}")
    assert [item.code for item in found] == ["CC0106"]
    assert read(FRAME.format("y = " + "(" * 3000 + "x" + ")" * 3000))[1] == []
    assert read(FRAME.format("y = " + "[" * 150 + "]" * 150))[1] == []


def test_every_code_is_explained() -> None:
    for code in [slip[1] for slip in SLIPS] + ["CC0102", "CC0106"]:
        assert CODES[code].title and len(CODES[code].explanation) > 40
