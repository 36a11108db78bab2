"""Whatever a file asks for, elaboration ends soon, within bounded memory, with an error that has a span."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from chunkc.compiler.diagnostics import CompileError
from chunkc.grammar import elaborate
from chunkc.grammar.elaborate import limits

SECONDS = 10.0
"""Processor time for the greediest file, on a slow machine."""


def model(body: str, inputs: str = "input x: f32[B, T, d]") -> str:
    return f"model m(d: int = 8) {{\n  {inputs}\n  {body}\n  output end = x\n}}\n"


def chain(count: int, body: str) -> str:
    """Models of which each calls the next."""
    models = "\n".join(f"model a{i} {{\n  input x\n  {body.format(f'a{i + 1}')}\n}}" for i in range(count))
    return f"{models}\nmodel a{count} {{\n  input x\n  output y = x + 1\n}}\n"


def nested(count: int, array: str = "") -> str:
    """Chunks declared inside chunks."""
    opened = "".join(f"chunk c{i}{array}(h) {{\n" for i in range(count))
    closed = "".join(f"}}\noutput y = mean([c{i}(h)[0]])\n" for i in range(count - 1, 0, -1))
    return f"{opened}output y = h |> linear(8)\n{closed}}}\noutput y = mean(c0(x))"


GREEDY = {
    "for": ("CC1001", model("for i in 0..1000000000000 { y = x }")),
    "for in for": ("CC1001", model("for i in 0..60000 { for j in 0..60000 { y = 1 } }")),
    "empty for in for": ("CC1001", model("for i in 0..60000 { for j in 0..60000 { } }")),
    "deep for": ("CC1001", model("".join(f"for i{i} in 0..2 {{ " for i in range(80)) + "y = x " + "}" * 80)),
    "shape": ("CC1003", model("y = ones([1000000000000000000])")),
    "size of run time": ("CC1003", model("y = ones([1000000000000000000 * B])")),
    "array": ("CC1003", model("chunk e[1000000000](h) { h }")),
    "array of arrays": ("CC1003", model("chunk e[60000, 60000](h) { h }")),
    "arrays in arrays": (
        "CC1002",
        model("chunk e[60000](h) {\n chunk f[60000](h) { h |> linear(8) }\n output y = mean(f(h)) }\n  output y = mean(e(x))"),
    ),
    "arrays thirty deep": ("CC1002", model(nested(30, "[10]"))),
    "many arrays": ("CC1001", model("for i in 0..60000 { chunk e[60000](h) { h } }")),
    "bundles": ("CC1002", model("chunk e[60000](h) { h }\n  for i in 0..60000 { y = mean(e(x)) }")),
    "unstack": ("CC1003", model("y = ones([10000000]) |> unstack")),
    "list twice itself": ("CC1005", model("y = [x]\n  for i in 0..1000 { y = [y, y] }")),
    "list": ("CC1001", model("for i in 0..65000 { h[i] = 1 }")),
    "slices of a list": ("CC1001", model("xs = ones([5000]) |> unstack\n  for i in 0..65000 { h = xs[1..] }")),
    "models twice": ("CC1001", chain(40, "y = {0}(x)\n  output z = {0}(y)") + model("y = a0(x)")),
    "models in models": ("CC1005", chain(3000, "output y = {0}(x)") + model("y = a0(x)")),
    "chunks in chunks": (
        "CC1005",
        model("chunk c0(h) { h }\n" + "\n".join(f"  chunk c{i}(h) {{ c{i - 1}(h) }}" for i in range(1, 500)) + "\n  y = c499(x)"),
    ),
    "nodes": ("CC1002", model("y = x\n  for i in 0..60000 { y = relu(relu(relu(relu(y)))) }")),
    "parameters": ("CC1002", model("for i in 0..60000 { y = x |> linear(8) }")),
    "a chunk of many shapes": ("CC1002", model("chunk e(h) { relu(relu(h)) }\n  for i in 1..60000 { y = e(ones([i, 8])) }")),
    "axes": ("CC1003", model("y = x\n  for i in 0..60000 { y = unsqueeze(y, 0) }")),
    "sizes in sizes": ("CC1004", model("n = T\n  for i in 0..1000 { n = n + floor(n / 2) }")),
    "products of sizes": ("CC1004", model("n = T + B\n  for i in 0..1000 { n = n * n }")),
    "the flat size": (
        "CC1004",
        model("p = B + C + E + F + G\n  z = ones([B, p, p, p, p, p, p, p, p])\n  y = flatten(z)", "input x: f32[B, C, E, F, G]"),
    ),
    "a convolution a round": (
        "CC1004",
        model("y = x\n  for i in 0..3000 { y = conv2d(y, 1, 3, stride=2) }", "input x: f32[B, 1, H, W]"),
    ),
}  # fmt: skip


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the budgets, for the same tests in a tenth of the time."""
    for budget in ("MOST_STEPS", "MOST_NODES", "MOST_PARAMETERS"):
        monkeypatch.setattr(limits, budget, getattr(limits, budget) // 10)


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("name", GREEDY)
def test_a_greedy_file_is_an_error(name: str) -> None:
    greedy(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", GREEDY)
def test_a_greedy_file_is_an_error_soon(name: str) -> None:
    greedy(name)


def greedy(name: str) -> None:
    code, text = GREEDY[name]
    begin = time.process_time()
    with pytest.raises(CompileError) as caught:
        elaborate.loads(text, training=True)
    assert time.process_time() - begin < SECONDS
    errors = [item for item in caught.value.diagnostics if item.severity == "error"]
    assert [item.code for item in errors] == [code]
    assert 0 <= errors[0].span.start < errors[0].span.end <= len(text)


@pytest.mark.usefixtures("tight")
def test_the_greediest_take_little_memory() -> None:
    for name in ("many arrays", "arrays thirty deep"):
        tracemalloc.start()
        with pytest.raises(CompileError):
            elaborate.loads(GREEDY[name][1])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 << 20, name


@pytest.mark.parametrize(
    "wrapping", ["relu({})", "-{}", "({})", "if true {{ {} }} else {{ x }}", "{} |> relu", "{} + 1", "{}[..]"]
)
def test_deep_values_are_fine_or_told(wrapping: str) -> None:
    for depth in (50, 90, 150, 1000):
        text = "x"
        for _ in range(depth):
            text = wrapping.format(text)
        try:
            elaborate.loads(model(f"y = {text}\n  output y"))
        except CompileError as error:
            assert depth > 90 and {item.code for item in error.diagnostics if item.severity == "error"} <= {"CC0106", "CC1005"}


def test_a_large_model_is_none_of_this() -> None:
    body = "chunk e[128](h) { h |> linear(16) |> gelu |> linear(8) }\n  router g { score = h |> linear(128)  keep = top(2) }"
    layer = f"chunk layer[96](h) {{\n  {body}\n  output y = h + weighted_sum(e(h), by=g)\n  }}"
    graph = elaborate.loads(model(f"{layer}\n  y = x\n  for i in 0..96 {{ y = layer[i](y) }}\n  output y"))
    assert len(graph.parameters) == 96 * (128 * 4 + 2) and len(graph.nodes) < limits.MOST_NODES / 100


def test_files_that_use_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.cc").write_text('use "b.cc"\nmodel a {\n  input x: f32[B, 8]\n  output x\n}\n')
    (tmp_path / "b.cc").write_text('use "a.cc"\nmodel b {\n  input x\n  output x\n}\n')
    with pytest.raises(CompileError) as caught:
        elaborate.load(tmp_path / "a.cc")
    (item,) = caught.value.diagnostics
    assert (item.code, item.message, item.span.text, Path(item.span.source.path).name) == (
        "CC0206",
        "`a.cc` uses itself",
        '"a.cc"',
        "b.cc",
    )


@pytest.mark.parametrize("name", ["a\\u{0}b.cc", "a" * 5000 + ".cc", ".", "../x.cc", "/dev/zero", "", "\\u{d800}.cc"])
def test_a_file_of_an_odd_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CompileError) as caught:
        elaborate.loads(f'use "{name}"\n' + model("y = x"))
    assert {item.code for item in caught.value.diagnostics} <= {"CC0207", "CC0105"}


def test_a_file_that_is_too_large_or_no_text(tmp_path: Path) -> None:
    path = tmp_path / "big.cc"
    path.write_bytes(b"#" * (limits.LONGEST_FILE + 1))
    with pytest.raises(CompileError) as caught:
        elaborate.load(path)
    assert [item.code for item in caught.value.diagnostics] == ["CC0207"]
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CompileError) as caught:
        elaborate.load(path)
    assert [item.code for item in caught.value.diagnostics] == ["CC0207"]


def test_many_unknown_names_are_told_soon() -> None:
    names = "\n".join(f"  y{i} = {i}" for i in range(3000))
    unknown = "\n".join(f"  output o{i} = yy{i}" for i in range(60))
    begin = time.process_time()
    with pytest.raises(CompileError) as caught:
        elaborate.loads(model(f"{names}\n{unknown}"))
    assert time.process_time() - begin < SECONDS
    assert len(caught.value.diagnostics) == 50
