"""What text means as a tree: one small file a rule, and the examples of the language."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chunkc.compiler.diagnostics import Findings
from chunkc.compiler.source import Source
from chunkc.grammar import tree as t
from chunkc.grammar.equal import same, walk
from chunkc.grammar.parse import parse

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.cc"))


def read(text: str) -> t.File:
    findings = Findings()
    file = parse(Source("a.cc", text), findings)
    findings.check()
    return file


def body(text: str) -> tuple[t.Statement, ...]:
    (model,) = read(f"model m {{\n{text}\n}}").items
    assert isinstance(model, t.Model)
    return model.body.statements


def value(text: str) -> t.Expr:
    (let,) = body(f"v = {text}")
    assert isinstance(let, t.Let)
    return let.value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_parse(path: Path) -> None:
    source = path.read_text()
    file = read(source)
    assert file.items
    for node, _ in walk(file):
        assert 0 <= node.span.start <= node.span.end <= len(source)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a * b", "(-a) * b"),
        ("a @ b mod c", "(a @ b) mod c"),
        ("not a == b and c or d", "((not (a == b)) and c) or d"),
        ("a + b |> f |> g(c)", "((a + b) |> f) |> g(c)"),
        ("x |> f(a)[1].b", "x |> ((f(a)[1]).b)"),
        ("a < b + 1", "a < (b + 1)"),
        ("[a, b,]", "[a, b]"),
        ("f(a, k=b,)", "f(a, k=b)"),
        ("if a { b } else if c { d } else { e }", "if a { b } else { if c { d } else { e } }"),
        ("x\n  + 1\n  |> f", "(x + 1) |> f"),
        ("f(\n  a,  # one\n\n  b\n)", "f(a, b)"),
        ("(a\n- b)", "a - b"),
    ],
)
def test_precedence_and_newlines(text: str, meaning: str) -> None:
    assert same(value(text), value(meaning))


def test_literals() -> None:
    assert isinstance(value("25%"), t.Percent) and value("12.5%").value == 12.5  # type: ignore[union-attr]
    assert value("256MiB").value == 256 * 2**20  # type: ignore[union-attr]
    assert value("1.5KB").value == 1500  # type: ignore[union-attr]
    number = value("7")
    assert isinstance(number, t.Number) and number.value == 7 and isinstance(number.value, int)
    assert value("1e-3").value == 0.001  # type: ignore[union-attr]
    assert value(r'"a\n\"\\\u{3bb}"').value == 'a\n"\\λ'  # type: ignore[union-attr]
    assert value("true").value is True  # type: ignore[union-attr]


def test_ranges_and_indices() -> None:
    index = value("x[0, 1..3, .., ..2, 3..]")
    assert isinstance(index, t.Index)
    ranges = [item for item in index.indices if isinstance(item, t.Range)]
    assert [(item.start is None, item.stop is None) for item in ranges] == [
        (False, False),
        (True, True),
        (True, False),
        (False, True),
    ]


def test_no_field_name_or_value_name_is_reserved() -> None:
    words = "use model input param state next chunk router mask fuse loss memory output core score keep train cache"
    for word in words.split():
        assert isinstance(body(f"{word} = 3\ny = {word} |> f({word}, {word}={word}).{word}")[0], t.Let)
    for word in [*words.split(), "if", "not", "when", "from", "mod", "frozen", "for", "else"]:
        (router,) = body(f"router r {{ score = x  {word} = 3  keep = {word if word in words.split() else 4} }}")
        assert isinstance(router, t.Selection) and [field.name.text for field in router.fields] == ["score", word, "keep"]
        assert isinstance(value(f"f({word}=3).{word}"), t.Attribute)


def test_statements() -> None:
    kinds = body(
        """
  input a
  param w: f32[n] = init frozen
  param v: f32
  state s: f32[n] = 0
  next s = s + 1
  h[i] = a
  fuse y = f(a)
  loss l[i] = 3
  output y = h
  memory { budget = 25%  evict = lru }
"""
    )
    written = [t.Input, t.Param, t.Param, t.State, t.Next, t.Let, t.Let, t.Loss, t.Output, t.Memory]
    assert [type(kind) for kind in kinds] == written
    frozen, plain = kinds[1], kinds[2]
    assert isinstance(frozen, t.Param) and frozen.frozen and isinstance(plain, t.Param) and plain.type.shape == ()
    assert isinstance(kinds[6], t.Let) and kinds[6].fuse


def test_selection_fields_on_one_line() -> None:
    (router,) = body("router r[i] { score = x |> f  fallback = all when coverage < 0.7  within = not other }")
    assert isinstance(router, t.Selection) and router.kind == "router" and router.index is not None
    score, fallback, within = (field.value for field in router.fields)
    assert isinstance(score, t.Pipe) and isinstance(fallback, t.When) and isinstance(within, t.Unary)


def test_chunks() -> None:
    single, written, kept, stored = body(
        """
  chunk a[n, m](h, by: f32[B]) { h |> f }
  chunk b(h) -> f32[B, d] = extern("x@v1", trainable=true) requires "p>=1", "q" requires "r"
  chunk c(h) { up = h
    output up }
  chunk d(h) = h |> f from "store"
"""
    )
    assert isinstance(single, t.Chunk) and single.members is not None and len(single.members) == 2
    assert (
        single.body is not None and isinstance(single.body.statements[0], t.Output) and single.body.statements[0].name.text == ""
    )
    assert isinstance(written, t.Chunk) and written.extern is not None and written.body is None
    assert [text.value for text in written.requires] == ["p>=1", "q", "r"]
    assert isinstance(kept, t.Chunk) and kept.body is not None and len(kept.body.statements) == 2
    assert isinstance(stored, t.Chunk) and stored.source is not None and stored.body is not None


def test_if_is_a_value_or_a_statement() -> None:
    statement, let = body("if a { b = 1 } else if c { b = 2 }\nd = if a { 1 } else { 2 }")
    assert isinstance(statement, t.If) and statement.otherwise is not None and isinstance(statement.otherwise.statements[0], t.If)
    assert isinstance(let, t.Let) and isinstance(let.value, t.Conditional)
    (chunk,) = body("chunk f(h) { if a { h } else { g(h) } }")
    assert isinstance(chunk, t.Chunk) and chunk.body is not None
    (output,) = chunk.body.statements
    assert isinstance(output, t.Output) and isinstance(output.value, t.Conditional)


def test_parentheses_belong_to_a_span() -> None:
    total = value("(a + b) * c")
    assert isinstance(total, t.Binary) and total.left.span.text == "(a + b)" and total.span.text == "(a + b) * c"


def test_core() -> None:
    (path,) = [path for path in EXAMPLES if path.stem == "core"]
    core, empty = read(path.read_text()).items
    assert isinstance(core, t.Core) and isinstance(empty, t.Core) and empty.statements == ()
    nodes = {node.name: node for node in core.statements if isinstance(node, t.CoreNode)}
    assert (
        nodes["%3"].word == "op"
        and nodes["%3"].target == "linear"
        and [name.text for name in nodes["%3"].operands] == ["%0", "%1", "%2"]
    )
    kind = nodes["%8.a"].type
    assert kind is not None and kind.names == ("y", "z") and kind.items[1].word == "i64"
    assert nodes["%9"].type is None and nodes["%9"].operands == ()
    roots = [(root.word, root.target, root.value.text) for root in core.statements if isinstance(root, t.CoreRoot)]
    assert roots == [("output", "y", "%8.a"), ("loss", "balance", "%4"), ("next", "bias", "%3")]
    (inner,) = [body for body in core.statements if isinstance(body, t.CoreBody)]
    assert inner.name == "%c0" and inner.target == "expert" and len(inner.statements) == 2


def test_odd_but_right() -> None:
    assert read("").items == () and read("# only this").items == () and read("\n\n").items == ()
    assert len(read('\ufeffuse "a.cc"\r\nmodel m {\r\n  input x\r\n}\r\n').items) == 2
    assert body("\tinput x\t# tab\n\n\n  # more\n\toutput x") != ()


def test_five_hundred_lines_take_a_moment() -> None:
    (path,) = [path for path in EXAMPLES if path.stem == "moe"]
    text = "\n".join(path.read_text().replace("model moe", f"model moe_{i}") for i in range(30))
    assert text.count("\n") > 500
    read("model m { }")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        read(text)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3
