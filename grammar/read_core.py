"""The core form back to a graph: what `print_core` wrote or a person did, checked by the verifier with places in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from ..compiler import ops, residency
from ..compiler.diagnostics import Abort, Findings, Label, did_you_mean
from ..compiler.ir import OUTLINED, PART, STRUCTURAL, WORDS, Attrs, Chunk, Graph, Node, Parameter
from ..compiler.source import Span
from ..compiler.types import Type
from ..compiler.verify import problems
from ..compiler.verify_nodes import op_type
from . import tree as t
from .core_values import CoreValues
from .print_core import DEFAULTS, TARGETS

ROOTS = ("output", "loss", "next")
_NUMBER = re.compile(r"%[0-9][0-9.]*")


def read_core(core: t.Core, findings: Findings) -> Graph:
    """The graph that a `core` block says.

    Raises `CompileError` with everything that is wrong with it, several errors at once.
    """
    reader = Reader(findings, CoreValues(findings))
    graph = reader.graph(core)
    findings.check()
    for problem in problems(graph):
        findings.error("CC0606", problem.message, problem.span)
    findings.check()
    return graph


@dataclass
class Scope:
    """What a block has said so far; bodies of blocks around it are in `bodies` too."""

    bodies: dict[str, Graph]
    nodes: dict[str, Node] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Names of nodes that could not be read, so that their users are not blamed."""
    roots: dict[str, list[tuple[str, Node, Span]]] = field(default_factory=lambda: {word: [] for word in ROOTS})


@dataclass
class Reader:
    """Reads blocks, statement by statement; an error costs its statement only."""

    findings: Findings
    values: CoreValues

    def graph(self, core: t.Core) -> Graph:
        fields = self.fields(core.attributes, ("name", "training", "memory", "chunks", "parameters"))
        plans = [item for item in core.statements if isinstance(item, t.CorePlan)]
        for more in plans[1:]:
            self.findings.error("CC0603", "there are two plans", more.span, also=[Label(plans[0].span, "first here")])
        fields["schedule"] = self.schedule(plans[0]) if plans else ()
        rest = [item for item in core.statements if not isinstance(item, t.CorePlan)]
        return self.block(fields.pop("name", core.name.text), rest, core.span, fields, {}, False)

    def schedule(self, plan: t.CorePlan) -> tuple[residency.Residency, ...]:
        """What is resident when."""
        for entry in plan.entries:
            if entry.word not in residency.WORDS:
                hint = did_you_mean(entry.word, residency.WORDS) or f"its words are {', '.join(residency.WORDS)}"
                self.findings.error("CC0601", f"`{entry.word}` says nothing in a plan", entry.span, hint=hint)
        return tuple(residency.Residency(cast(Any, entry.word), entry.target) for entry in plan.entries)

    def fields(self, written: Iterable[t.Field], known: Iterable[str]) -> dict[str, Any]:
        """The attributes of a graph."""
        found: dict[str, Any] = {}
        for item in written:
            name = item.name.text
            try:
                if name not in known or name in found:
                    message = f"`{name}` stands here twice" if name in found else f"a graph has no `{name}`"
                    raise self.findings.error("CC0603", message, item.name.span, hint=did_you_mean(name, known))
                found[name] = self.field(name, item.value)
            except Abort:
                continue
        return found

    def field(self, name: str, expr: t.Expr) -> Any:
        if name in ("chunks", "parameters"):
            if not isinstance(expr, t.ListOf):
                raise self.values.wrong(f"`{name}` is a list", expr.span)
            read = self.values.chunk if name == "chunks" else self.values.parameter
            entries: list[Chunk | Parameter] = [read(item) for item in expr.items]
            return tuple(entries)
        value = self.values.value(expr)
        kind = {"name": str, "training": bool, "memory": Attrs}[name]
        if not isinstance(value, kind):
            raise self.values.wrong(f"`{name}` is no such value", expr.span)
        return value

    # ---- blocks

    def block(
        self,
        name: str,
        statements: Iterable[t.CoreStatement],
        span: Span,
        fields: dict[str, Any],
        bodies: dict[str, Graph],
        training: bool,
    ) -> Graph:
        training = fields.setdefault("training", training)
        scope = Scope(dict(bodies))
        for statement in statements:
            try:
                if isinstance(statement, t.CoreNode):
                    self.node(statement, scope)
                elif isinstance(statement, t.CoreRoot):
                    self.root(statement, scope)
                elif isinstance(statement, t.CorePlan):
                    raise self.findings.error("CC0601", "a plan is of the outermost graph", statement.span)
                else:
                    self.body(statement, scope, training)
            except Abort:
                if isinstance(statement, t.CoreNode):
                    scope.broken.add(statement.name)
        nexts = self.nexts(scope)
        outputs, losses = (tuple((path, node) for path, node, _ in scope.roots[word]) for word in ("output", "loss"))
        return Graph(name, tuple(scope.nodes.values()), outputs, losses, nexts, span, **fields)

    def body(self, body: t.CoreBody, scope: Scope, training: bool) -> None:
        if body.name in scope.bodies:
            raise self.findings.error("CC0603", f"`{body.name}` is already a body here", body.span)
        fields = self.fields(body.attributes, ("training",))
        scope.bodies[body.name] = self.block(body.target, body.statements, body.span, fields, scope.bodies, training)

    def root(self, root: t.CoreRoot, scope: Scope) -> None:
        if root.word not in ROOTS:
            hint = did_you_mean(root.word, ROOTS)
            raise self.findings.error("CC0601", f"`{root.word}` says nothing about a graph", root.span, hint=hint)
        scope.roots[root.word].append((root.target, self.operand(root.value, scope), root.span))

    def nexts(self, scope: Scope) -> tuple[tuple[Node, Node], ...]:
        """Each state with its next value; `^` in front of a path for each frame that the state lives further out."""
        states: dict[tuple[str, int], Node] = {}
        for node in scope.nodes.values():
            if node.op == "state":
                states.setdefault((node.attrs["path"], node.attrs["up"]), node)
        found = []
        for target, value, span in scope.roots["next"]:
            path = target.lstrip("^")
            state = states.get((path, len(target) - len(path)))
            if state is None:
                hint = did_you_mean(path, [name for name, _ in states])
                self.findings.error("CC0602", f"no `state` of this graph has the path `{path}`", span, hint=hint)
            else:
                found.append((state, value))
        return tuple(found)

    # ---- nodes

    def node(self, node: t.CoreNode, scope: Scope) -> None:
        if node.name in scope.nodes:
            before = Label(scope.nodes[node.name].span, "first here")
            raise self.findings.error("CC0603", f"`{node.name}` is named twice", node.span, also=[before])
        op = self.word(node)
        operands = tuple(self.operand(operand, scope) for operand in node.operands)
        attrs = self.attributes(node, op, scope)
        kind = self.values.type(node.type) if node.type else self.inferred(node, op, operands, attrs)
        name = "" if _NUMBER.fullmatch(node.name) else node.name[1:]
        scope.nodes[node.name] = Node(op, operands, attrs, kind, node.span, name)

    def word(self, node: t.CoreNode) -> str:
        """The op of a node: an op of the table after `op`, else one of the structural words."""
        word, known = (node.target, set(ops.OPS)) if node.word == "op" else (node.word, {*STRUCTURAL, *WORDS})
        if word in WORDS and node.word != "op":
            return "apply"
        if word not in known:
            hint = f"write `op {word}`" if word in ops.OPS else did_you_mean(word, known)
            kind = "op" if node.word == "op" else "word of the core form"
            raise self.findings.error("CC0601", f"`{word}` is no {kind}", node.span, hint=hint)
        return word

    def operand(self, name: t.Name, scope: Scope) -> Node:
        if name.text in scope.broken:
            raise Abort
        if name.text not in scope.nodes:
            hint = did_you_mean(name.text, scope.nodes)
            raise self.findings.error("CC0602", f"`{name.text}` names no value above this line", name.span, hint=hint)
        return scope.nodes[name.text]

    def attributes(self, node: t.CoreNode, op: str, scope: Scope) -> Attrs:
        word = node.word if node.word in WORDS else ""
        found: dict[str, Any] = {} if word in OUTLINED else {TARGETS[op]: node.target} if op in TARGETS else {}
        for item in node.attributes:
            if item.name.text in found:
                raise self.findings.error("CC0603", f"`{item.name.text}` is said twice", item.name.span)
            found[item.name.text] = self.values.value(item.value, scope.bodies)
            is_body = op == "apply" and item.name.text == "body"
            if isinstance(found[item.name.text], Graph) and not is_body:
                raise self.values.wrong("a chunk body stands in `body` of a call", item.value.span)
            if is_body and not isinstance(found["body"], Graph | None):
                raise self.values.wrong("a body is `%c0`, or `none` where it is stored elsewhere", item.value.span)
        if word:
            found = {**(PART if word in OUTLINED else {}), **found, "word": word}
        if op == "apply":
            found.setdefault("call", node.target)
        return Attrs({**found, **{name: usual for name, usual in DEFAULTS.get(op, {}).items() if name not in found}})

    def inferred(self, node: t.CoreNode, op: str, operands: tuple[Node, ...], attrs: Attrs) -> Type:
        """The type of an op that was written without one."""
        if op in STRUCTURAL:
            raise self.findings.error("CC0604", f"`{node.word}` needs its type: `… : f32[B, 8]`", node.span)
        try:
            return op_type(op, [operand.type for operand in operands], attrs)
        except ops.ShapeError as error:
            raise self.findings.error("CC0606", str(error), node.span, hint=error.hint) from error
