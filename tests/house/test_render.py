"""Diagnostics as text, JSON and GitHub annotations; full renderings stand in `renderings/`."""

import json

import pytest

from chunkc.compiler.diagnostics import Diagnostic, Label
from chunkc.compiler.render import render_github, render_json, render_text, summary
from chunkc.compiler.source import NOWHERE, Source, Span

SPEC = Source(
    "moe.cc",
    """model moe(d: int = 512) {
  input x: f32[B, T, d]
\trouter gate_界 {
    score = x |> linear(experts)

    weight = sofmax
    keep = top(9)
  }
}
""",
)
OTHER = Source("lib/blocks.cc", "model block() {\n  chunk b(h) { h }\n}\n")


def at(text: str, source: Source = SPEC) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def over(first: str, last: str) -> Span:
    return Span(SPEC, SPEC.text.index(first), SPEC.text.index(last, SPEC.text.index(first)) + len(last))


CASES = {
    "one_label": Diagnostic("CC0203", "unknown name `sofmax`", (Label(at("sofmax"), "not known"),), "did you mean `softmax`?"),
    "three_on_a_line": Diagnostic(
        "CC0301",
        "shapes differ",
        (Label(at("linear(experts)"), "f32[B, T, 8]"), Label(at("score"), "for this score"), Label(at("x |>"), "from here")),
    ),
    "tabs_and_wide": Diagnostic("CC0201", "odd name", (Label(at("gate_界"), "here"), Label(at("weight"), "and here"))),
    "several_lines": Diagnostic(
        "CC0801", "unused", (Label(over("router", "  }"), "all of this"), Label(at("weight"), "and this")), severity="warning"
    ),
    "nested_lines": Diagnostic(
        "CC0202", "inside out", (Label(over("model", "  }\n}"), "outer"), Label(over("router", "  }"), "inner"))
    ),
    "other_file": Diagnostic(
        "CC0202",
        "`block` stands twice",
        (Label(at("moe"), "here"), Label(at("block", OTHER), "first here")),
        "rename one\nor the other",
    ),
    "end_of_file": Diagnostic("CC0101", "expected `}`", (Label(Span(SPEC, len(SPEC.text), len(SPEC.text)), "the text ends"),)),
    "no_place": Diagnostic("CC0701", "no such file", (Label(NOWHERE, "never shown"),), "look elsewhere"),
}


@pytest.mark.parametrize("name", CASES)
def test_text(name, golden):
    golden(f"renderings/{name}.txt", render_text([CASES[name]]))


def test_colour(golden):
    coloured = render_text([CASES["three_on_a_line"]], colour=True)
    assert coloured.count("\x1b[0m") == coloured.count("\x1b[1")
    golden("renderings/colour.txt", coloured.replace("\x1b", "ESC"))


def test_findings_come_in_order_of_place():
    text = render_text(CASES.values())
    assert text == render_text(reversed(CASES.values()))
    messages = ["no such file", "stands twice", "unused", "odd name", "shapes differ", "unknown name", "expected `}`"]
    assert sorted(messages, key=text.index) == messages


def test_json_is_plain_and_counts_from_one():
    found = json.loads(json.dumps(render_json([CASES["one_label"]])))
    place = {"file": "moe.cc", "line": 6, "column": 14, "end_line": 6, "end_column": 20}
    assert found == [
        {
            "code": "CC0203",
            "severity": "error",
            "message": "unknown name `sofmax`",
            **place,
            "labels": [{**place, "text": "not known", "primary": True}],
            "hint": "did you mean `softmax`?",
        }
    ]


def test_github_escapes_and_takes_a_line_each():
    odd = Source("a,b:c.cc", "100%\n")
    lines = render_github([Diagnostic("CC0101", "50% of\nit", (Label(at("100%", odd)),)), CASES["several_lines"]]).splitlines()
    assert lines[0] == "::error file=a%2Cb%3Ac.cc,line=1,endLine=1,col=1,endColumn=5,title=CC0101::50%25 of%0Ait"
    assert lines[1] == "::warning file=moe.cc,line=3,endLine=8,col=2,title=CC0801::unused%0Aall of this"


@pytest.mark.parametrize("char", ["\x1b", "\x00", "\u202e", "\udc80", "\u2028"])
def test_no_control_character_reaches_the_terminal(char):
    source = Source("x.cc", f"a {char} b\n")
    finding = Diagnostic("CC0101", f"unexpected `{char}`", (Label(at(char, source), f"`{char}`"),), f"drop `{char}`")
    text = render_text([finding])
    assert char not in text
    assert text.encode("utf-8")


def test_a_long_line_is_cut_around_the_mark():
    source = Source("x.cc", "a" * 100_000 + "!" + "b" * 100_000)
    text = render_text([Diagnostic("CC0101", "unexpected `!`", (Label(at("!", source), "here"),))])
    code, mark = text.splitlines()[3:5]
    assert len(text) < 1000
    assert code.index("!") == mark.index("^")
    assert code.endswith("…") and "…a" in code


def test_summary():
    assert summary([]) == "no findings"
    assert summary(list(CASES.values())) == "7 errors, 1 warning"
