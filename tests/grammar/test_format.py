"""The formatter: the same tree, a fixed point, every comment kept; and the printer of trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.source import NOWHERE, Source
from chunkc.grammar import tree as t
from chunkc.grammar.equal import same
from chunkc.grammar.format import format_file, format_source, print_expression
from chunkc.grammar.parse import parse

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.cc"))
AS_WRITTEN = ("core", "moe", "reach", "translation_attention")


def read(text: str) -> t.File:
    findings = Findings()
    file = parse(Source("a.cc", text), findings)
    findings.check()
    return file


def model(body: str) -> str:
    return "model m {\n" + body + "}\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    text = path.read_text()
    formatted = format_source(text, "a.cc")
    assert same(read(formatted), read(text))
    assert format_source(formatted, "a.cc") == formatted
    assert formatted == text or path.stem not in AS_WRITTEN
    assert text.count("#") == formatted.count("#")
    assert all(len(line.partition(" #")[0]) <= 100 or path.stem == "core" for line in formatted.splitlines())
    printed = format_file(read(text))
    assert same(read(printed), read(text)) and format_file(read(printed)) == printed and not printed.startswith("#")


def test_spacing_and_empty_lines() -> None:
    text = '\n\nuse   "a.cc"\nmodel m(d:int=3){\n\n\n  input   x:f32[ B,d ]   #c\n\n\n\n  y=f( x,k = 1 )\n\n}\n\n\n# end'
    assert format_source(text, "a.cc") == (
        'use "a.cc"\nmodel m(d: int = 3) {\n  input x: f32[B, d]     #c\n\n  y = f(x, k=1)\n}\n\n# end\n'
    )
    assert format_source("", "a.cc") == "" and format_source("\n\n", "a.cc") == ""
    assert format_source("# a\r\nmodel m { }\r\n", "a.cc") == "# a\nmodel m { }\n"


def test_long_pipes_and_calls_break() -> None:
    long = "y = x |> conv2d(64, 3, stride=2) |> batch_norm |> relu |> max_pool2d(3, stride=2) |> conv2d(128, 3) |> relu"
    assert format_source(model(f"  {long}\n"), "a.cc") == model(
        "  y = x\n    |> conv2d(64, 3, stride=2)\n    |> batch_norm\n    |> relu\n    |> max_pool2d(3, stride=2)\n"
        "    |> conv2d(128, 3)\n    |> relu\n"
    )
    call = "y = weighted_sum([first_expert(x), second_expert(x), third_expert(x), fourth_expert(x)], by=the_router, heads=4)"
    assert format_source(model(f"  {call}\n"), "a.cc") == model(
        "  y = weighted_sum(\n    [first_expert(x), second_expert(x), third_expert(x), fourth_expert(x)],\n"
        "    by=the_router,\n    heads=4\n  )\n"
    )


def test_a_broken_pipe_stays_broken_and_a_short_call_is_joined() -> None:
    text = model("  y = x\n    |> f\n    |> g\n")
    assert format_source(text, "a.cc") == text
    assert format_source(model("  y = f(\n    x,\n    3\n  )\n"), "a.cc") == model("  y = f(x, 3)\n")


def test_no_line_begins_with_minus_outside_brackets() -> None:
    names = [f"a_rather_long_name_{i}" for i in range(8)]
    for text in (f"  y = {' - '.join(names)}\n", f"  y = ({' - '.join(names)})\n", f"  y = f({' - '.join(names)})\n"):
        formatted = format_source(model(text), "a.cc")
        assert same(read(formatted), read(model(text)))


def test_one_line_blocks_stay_if_they_fit() -> None:
    text = model(
        "  chunk f(h) { h |> linear(3) }\n  router r { score = f(x)  keep = top(1) }\n  memory { budget = 25% }\n"
        "  if a { b = 1 } else if c { b = 2 } else { b = 3 }\n  for i in 0..3 { router l[i] { score = x } }\n"
    )
    assert format_source(text, "a.cc") == text


def test_fields_over_lines_align() -> None:
    text = model("  router r {\n    score = x\n    fallback = all when coverage < 0.7 # c\n  }\n")
    want = model("  router r {\n    score    = x\n    fallback = all when coverage < 0.7 # c\n  }\n")
    assert format_source(text, "a.cc") == want


@pytest.mark.parametrize(
    "text",
    [
        "# a\n# b\n\n# c\nmodel m { # d\n  # e\n\n  # f\n  x = 1 # g\n  # h\n} # i\n# j",
        "model m(a: int, # b\n  # c\n  d: int # e\n) {\n}",
        "model m {\n  y # a\n    = # b\n",
        "model m {\n  y = x # a\n    # b\n    |> f( # c\n      z, # d\n      # e\n      w # f\n    ) # g\n"
        "    # h\n    |> g # i\n}",
        "model m {\n  y = [ # a\n    1, # b\n    2 # c\n    # d\n  ] # e\n  z = (a # f\n    - b) # g\n}",
        "model m {\n  y = if a { # b\n    c # d\n    # e\n  } else { # f\n    g # h\n  } # i\n}",
        "model m {\n  router r { # a\n    score = x # b\n    # c\n  } # d\n  chunk e[1, # f\n    2](h # g\n  ) # h\n"
        "    -> f32[B, # i\n      d] # j\n"
        '    = extern("a" # k\n  ) # l\n    requires "m" # n\n}',
        "core c { # a\n  # b\n  %0 = const # c\n  # d\n} # e",
    ],
)
def test_comments_are_kept(text: str) -> None:
    findings = Findings()
    parse(Source("a.cc", text), findings)
    if findings.errors:
        with pytest.raises(CompileError):
            format_source(text, "a.cc")
        return
    formatted = format_source(text, "a.cc")
    assert sorted(formatted.split("#")[1:][i].split("\n")[0] for i in range(text.count("#"))) == sorted(
        text.split("#")[1:][i].split("\n")[0] for i in range(text.count("#"))
    )
    assert same(read(formatted), read(text)) and format_source(formatted, "a.cc") == formatted


def test_printing_of_values() -> None:
    a, b = t.Name(NOWHERE, "a"), t.Name(NOWHERE, "b")
    total, pipe = t.Binary(NOWHERE, "+", a, b), t.Pipe(NOWHERE, a, b)
    cases: list[tuple[t.Expr, str]] = [
        (t.Binary(NOWHERE, "*", total, a), "(a + b) * a"),
        (t.Binary(NOWHERE, "-", a, total), "a - (a + b)"),
        (t.Binary(NOWHERE, "<", t.Binary(NOWHERE, "<", a, b), b), "(a < b) < b"),
        (t.Unary(NOWHERE, "-", total), "-(a + b)"),
        (t.Unary(NOWHERE, "not", t.Binary(NOWHERE, "==", a, b)), "not a == b"),
        (t.Binary(NOWHERE, "==", t.Unary(NOWHERE, "not", a), b), "(not a) == b"),
        (t.Attribute(NOWHERE, pipe, b), "(a |> b).b"),
        (t.Pipe(NOWHERE, pipe, b), "a |> b |> b"),
        (t.Binary(NOWHERE, "+", t.Conditional(NOWHERE, a, a, b), b), "(if a { a } else { b }) + b"),
        (t.Index(NOWHERE, a, (t.Range(NOWHERE, None, b), total)), "a[..b, a + b]"),
        (t.String(NOWHERE, 'a"\\\n\t\x00é'), '"a\\"\\\\\\n\\t\\u{0}é"'),
        (t.ListOf(NOWHERE, (t.Boolean(NOWHERE, True),)), "[true]"),
        (t.Call(NOWHERE, a, (t.Argument(NOWHERE, b, pipe),)), "a(b=a |> b)"),
    ]
    for value, text in cases:
        assert print_expression(value) == text
        (item,) = read(f"model m {{ v = {text} }}").items
        assert isinstance(item, t.Model) and isinstance(item.body.statements[0], t.Let)
        assert same(item.body.statements[0].value, value)


def test_errors_are_raised() -> None:
    with pytest.raises(CompileError) as caught:
        format_source("model m {\n  y = = 3\n}", "b.cc")
    assert str(caught.value.diagnostics[0].span) == "b.cc:2:7"


def test_printed_cores_are_formatted() -> None:
    paths = sorted((Path(__file__).parent.parent / "passes").rglob("*.cc"))
    assert paths
    for path in paths:
        text = path.read_text()
        assert format_source(text, str(path)) == text


@pytest.mark.parametrize(
    "deep",
    ["[" * 190 + "]" * 190, "-" * 190 + "x", "f(" * 95 + ")" * 95, "x" + ".a" * 190, "x" + " |> f" * 190, "x" + "[0]" * 190],
)
def test_the_deepest_that_parses_is_formatted(deep: str) -> None:
    text = format_source(model(f"  y = {deep}\n"), "a.cc")
    assert format_source(text, "a.cc") == text and same(read(format_file(read(text))), read(text))
    nested = "if a {\n" * 90 + "b = 1\n" + "}\n" * 90
    assert format_source(format_source(model(nested), "a.cc"), "a.cc") == format_source(model(nested), "a.cc")
