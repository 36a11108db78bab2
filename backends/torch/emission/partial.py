"""Weights of which only the kept rows are loaded: which they are, and the host step that loads rows before they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....compiler.ir import Frame, Graph, Node, users
from ..expressions import Fusion, fusion
from .deriving import static_call

if TYPE_CHECKING:
    from .body import Body


def partial_weights(graph: Graph) -> frozenset[str]:
    """The paths of the parameters inside chunks that nothing reads but products under masks of whole rows, each where its rows
    can be loaded before it."""
    walk = _Walk()
    walk.body(graph, Frame(), True)
    return frozenset(walk.rows - walk.whole)


def fused_text(body: Body, node: Node, made: Fusion) -> str:
    """The text of a node that is computed together with what it masks. Rows of a weight that are not there yet are loaded in a
    line before."""
    if static := static_call(body, node):
        return static
    rows = made.rows
    if rows is not None and not body.sealed and _path(body, rows.weight) in body.shop.partial:
        axis = "" if rows.axis == -1 else f", axis={rows.axis}"
        body.line(f"load_rows({body.ctx}.host, {body.reference(rows.weight)}, {body.variable(rows.kept)}{axis})")
    return body.like(made.write(tuple(body.text(read) for read in made.reads)))


def _path(body: Body, weight: Node) -> str:
    return body.frame.resolve(weight) if weight.op == "param" else ""


@dataclass(slots=True)
class _Walk:
    """Follows calls to the parameters that they read. `rows`: paths of which some product reads kept rows; `whole`: paths that
    are read otherwise."""

    rows: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    known: set[tuple[int, Frame, bool]] = field(default_factory=set)

    def body(self, body: Graph, frame: Frame, ready: bool) -> None:
        """`ready`: whether host steps may stand in it: it has a context, and is run in the call, member by member."""
        if (id(body), frame, ready) in self.known:
            return
        self.known.add((id(body), frame, ready))
        readers, roots = users(body), frozenset(body.roots)
        reading = {}
        for node in body.nodes if ready and frame.parent is not None else ():
            made = fusion(node, readers, roots)
            if made is not None and made.rows is not None and not _hoisted(made.rows.kept):
                reading.update(dict.fromkeys(made.skips, made.rows.weight))
        for node in body.nodes:
            if node.op == "param":
                alone = node not in roots and all(reading.get(reader) is node for reader in readers.get(node, ()))
                (self.rows if alone else self.whole).add(frame.resolve(node))
            elif node.op == "apply" and node.attrs["body"] is not None:
                self.call(node, frame, ready)

    def call(self, apply: Node, frame: Frame, ready: bool) -> None:
        inner: Graph = apply.attrs["body"]
        decides = any(node.op in ("select", "uniform") for node in inner.nodes)
        ready = not apply.attrs.get("word") and (decides if apply.attrs["chunk"] else ready)
        for member in apply.attrs["members"]:
            self.body(inner, frame.enter(apply, member), ready)


def _hoisted(kept: Node) -> bool:
    """Whether a mask is the same in every call: what it keeps is then taken out once."""
    source = kept.operands[0] if kept.op == "field" else kept
    return source.attrs.get("word") == "hoisted"
