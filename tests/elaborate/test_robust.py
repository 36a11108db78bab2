"""Random text and spoilt specs: an error of the language, or a graph that verifies and reads back; nothing else, and soon."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.equality import equal
from chunkc.compiler.verify import verify
from chunkc.grammar import elaborate
from chunkc.grammar.elaborate.limits import allow_deep_values
from chunkc.grammar.print_core import print_graph

SPECS = Path(__file__).resolve().parents[2] / "specs"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SPECS.glob("*.cc")) if path.stem != "std"}
TOKEN = re.compile(r'"[^"\n]*"|[A-Za-z_]\w*|\d+(?:\.\d+)?%?|\|>|->|\.\.|[=!<>]=|\s+|.')
ODD = (
    "0", "1", "-1", "2", "3", "65536", "1000000000000", "9223372036854775807", "0.5", "1e308", "inf", "25%", "200%", "true",
    "none", "B", "T", "d", "x", "h", "y", "score", "weight", "[x, x]", "[]", "x[0]", "x[0..2]", "[[1]]", "training",
    "causal", "shape(x)", "linear", "softmax", "relu", "heads", "merge_heads", "reshape", "flatten", "concat", "stack",
    "unstack", "split", "attention", "sum", "mean", "max", "pairs", "repeat", "top(1)", "top(25%)", "all", "above(0.5)",
    "first(1)", "neuron", "pair", "block(2, 2)", "straight_through", "gumbel(0.5)", "weighted_sum", "residual",
    "learned(0.5)", "null_point", "density", "router", "chunk", "mask", '"a"', "f32[B, d]", "i64[B]", "bool[B, T]",
    "conv2d", "batch_norm", "dropout", "among", "within", "none", "mod", "not", "\n",
)  # fmt: skip
SECONDS = 10.0
allow_deep_values()  # before hypothesis looks at the limit


def attempt(text: str) -> None:
    """Elaborate a text for eval and training."""
    for training in (False, True):
        findings = Findings()
        begin = time.process_time()
        try:
            graph = elaborate.loads(text, findings=findings, training=training)
        except CompileError as error:
            assert time.process_time() - begin < SECONDS
            assert error.diagnostics == tuple(findings.items) and findings.errors
            for item in findings.items:
                assert all(0 <= label.span.start <= label.span.end <= len(label.span.source.text) for label in item.labels)
        else:
            assert not findings.errors
            assert time.process_time() - begin < SECONDS
            verify(graph)
            assert equal(elaborate.loads(print_graph(graph)), graph)


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    attempt(text)


@given(st.lists(st.sampled_from([*ODD, "{", "}", "(", ")", "[", "]", "=", ",", ":", "|>", "+", "-", "."]), max_size=60))
def test_any_words_in_a_model(words: list[str]) -> None:
    attempt("model m(d: int = 8) {\n  input x: f32[B, T, d]\n  y = " + " ".join(words) + "\n  output x\n}\n")


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A spec with a few tokens dropped, doubled, swapped, or replaced."""
    tokens = TOKEN.findall(TEXTS[draw(st.sampled_from(sorted(TEXTS)))])
    places = [place for place, token in enumerate(tokens) if not token.isspace()]
    for _ in range(draw(st.integers(1, 4))):
        place, other = draw(st.sampled_from(places)), draw(st.sampled_from(places))
        match draw(st.sampled_from(["drop", "double", "swap", "odd", "odd", "copy"])):
            case "drop":
                tokens[place] = ""
            case "double":
                tokens[place] += " " + tokens[place]
            case "swap":
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case "copy":
                tokens[place] = tokens[other]
            case _:
                tokens[place] = draw(st.sampled_from(ODD))
    return "".join(tokens)


@given(spoilt())
def test_spoilt_specs(text: str) -> None:
    attempt(text)


@pytest.mark.parametrize("name", TEXTS)
def test_a_spec_with_each_number_huge_or_zero(name: str) -> None:
    text = TEXTS[name]
    for number in re.finditer(r"(?<![\w.])\d+(?![\w.%])", text):
        for other in ("0", "1000000000000"):
            attempt(text[: number.start()] + other + text[number.end() :])
