"""A cached part as statements: what is held of its rows, the body on the others, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ....compiler.ir import Graph, Node
from ....compiler.types import RecordType
from ..expressions import bare
from .guarding import function
from .marking import mark, mark_rows

if TYPE_CHECKING:
    from .body import Body

Reach = tuple[str, int, str]
"""A `param`, `state` or `module`, how many frames out it is, and its path there."""


def write_cached(body: Body, node: Node) -> None:
    """The lines of a cached part; its results are known by name behind them."""
    attrs, names = node.attrs, body.names
    path, axes, stem = attrs["path"], attrs["rows"], str(attrs["path"]).replace(".", "_")
    given = [body.variable(operand) for operand in node.operands]
    keys = [text for text, mine in zip(given, attrs["keys"]) if mine]
    sources = [text for text, mine in zip(given, attrs["keys"]) if not mine]
    sources += [_text(body, reach) for reach in dict.fromkeys(_reads(attrs["body"]))]
    found, rows, held = (names.fresh(f"{stem}_{name}") for name in ("found", "rows", "held"))
    bits = f", {attrs['bits']}" if "bits" in attrs else ""
    listed = f"[{', '.join(keys)}], [{', '.join(sources)}]"
    steps = {step.kind: step for step in body.block.steps if step.nodes[:1] == (node,)}
    mark(body, steps["probe"])
    body.line(f'{found}, {rows}, {held} = {body.ctx}.probe("{path}", {listed}, {axes}, {attrs["entries"]}{bits})')
    mark_rows(body, f"({found}.hits, {found}.rows)")
    missed = f"({found}.rows - {found}.hits,)"

    def compute() -> str:
        mark(body, steps["compute"], missed)
        arguments = []
        for text, mine in zip(given, attrs["keys"]):
            if mine:
                taken = names.fresh(f"{text}_left")
                body.line(f"{taken} = take_left({text}, {rows}, {axes})")
                text = taken
            arguments.append(text)
        inner = body.inner(node, tuple(arguments), attrs["keys"], body.ctx)
        texts = [bare(inner.tensor(output)) for _, output in inner.graph.outputs]
        body.lines += [*inner.first_lines, *inner.lines]
        return f"[{', '.join(texts)}]"

    computed = function(body, f"{stem}_computed", compute)
    values = f"branch({body.ctx}, {held}, lambda: None, {computed})"
    if body.logged:
        made = names.fresh(f"{stem}_values")
        body.line(f"{made} = {values}")
        mark(body, steps["remember"], missed)
        values = made
    labels = [label for label, _ in attrs["body"].outputs]
    several = isinstance(node.type, RecordType)
    results = [names.fresh(f"{stem}_{label}") for label in labels]
    remembered = f"remember({body.ctx}.host, {found}, {values}, {axes})"
    body.line(f"{', '.join(results)} = {remembered}" if several else f"{results[0]} = {remembered}[0]")
    body.texts[node] = results[0]
    body.fields.update({(node, label): result for label, result in zip(labels, results) if several})


def _text(body: Body, reach: Reach) -> str:
    kind, up, path = reach
    text = body.reach(up, path)
    return f"*{text}.parameters(), *{text}.buffers()" if kind == "module" else text


def _reads(graph: Graph) -> Iterator[Reach]:
    """What a body reads of the module: its parameters and states, and the chunks that it calls with what these read."""
    for node in graph.nodes:
        if node.op in ("param", "state"):
            yield node.op, node.attrs["up"], str(node.attrs["path"])
        elif node.op == "apply":
            chunk, out = str(node.attrs["chunk"]), node.attrs["up"]
            if chunk:
                yield "module", out, chunk
            for kind, up, path in _reads(node.attrs["body"]):
                # A part without a chunk is in the same frame; a chunk's own parameters are its module's.
                if not chunk:
                    yield kind, up, path
                elif up:
                    yield kind, out + up - 1, path
