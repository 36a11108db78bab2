"""A graph as text: the `core` form, which `read_core` turns back into an equal graph.

A node keeps its let-name as `%name` where that is a name and not taken; the others are `%n`, counted by node. Bodies come before
the first call that names them, each once, those that a body calls before it. Attributes at their usual value are left out.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from ..compiler.bodies import body_order
from ..compiler.dims import Dim
from ..compiler.ir import OUTLINED, PART, Chunk, Graph, Node, Parameter
from ..compiler.residency import Residency
from ..compiler.selection import Rule, Share
from ..compiler.types import DTYPES, TensorType

TARGETS = {
    "input": "name",
    "param": "path",
    "state": "path",
    "select": "path",
    "apply": "chunk",
    "fuse": "kind",
    "field": "name",
}
"""The attribute that stands right behind the word of a node."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "param": {"up": 0, "frozen": False},
    "state": {"up": 0},
    "apply": {"up": 0, "single": False, "zipped": False, "among": False, "body": None},
    "fuse": {"by": False},
    "select": {"grain": "", "block": (), "levels": (), "fallback": (), "renormalise": False, "train": "hard", "cache": ()},
}
"""Attributes that go without saying; and `call` of an apply, where it is the chunk."""

CHUNK_DEFAULTS: dict[str, Any] = {"extern": "", "trainable": True, "source": "", "requires": (), "isolated": False}

_CORE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NODE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LEAST = -(2**63)


def print_graph(graph: Graph) -> str:
    """The whole graph as the text of a `.cc` file."""
    order = body_order(graph)
    names = {id(body): f"%c{i}" for i, body in enumerate(order)}
    plain = bool(_CORE_NAME.fullmatch(graph.name))
    fields: dict[str, Any] = {} if plain else {"name": graph.name}
    fields["training"] = graph.training
    lines = [f"core {graph.name if plain else 'graph'} {_header(graph, fields)} {{"]
    waiting = iter(order)
    shown: set[int] = set()
    for node, text in _nodes(graph, names):
        body = node.attrs.get("body") if node.op == "apply" else None
        while body is not None and id(body) not in shown:
            inner = next(waiting)
            shown.add(id(inner))
            lines += _body(inner, names, graph.training)
        lines.append("  " + text)
    return "\n".join([*lines, *_plan(graph.schedule), *_roots(graph, "  "), "}"]) + "\n"


def print_value(value: Any) -> str:
    """An attribute's value as an expression."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value > _LEAST else f"{value + 1} - 1"
        case Dim():
            return str(value)
        case float():
            return _float(value)
        case str():
            return value if value in DTYPES else _string(value)
        case Share():
            return f"share({_float(value.value)})"
        case Rule():
            return _rule(value)
        case TensorType():
            return str(value) if value.shape else value.dtype
        case dict():
            return _call("attrs", [], value)
        case tuple():
            return f"[{', '.join(map(print_value, value))}]"
    raise TypeError(f"no core form for {value!r}")


# ---- the table in front


def _header(graph: Graph, fields: dict[str, Any]) -> str:
    """The attributes of a graph in braces: what it is, and its tables, a line an entry. Nothing, if it has none."""
    parts = [f"{name} = {print_value(value)}" for name, value in fields.items()]
    if graph.memory:
        parts.append(f"memory = {print_value(graph.memory)}")
    if graph.chunks:
        parts.append(f"chunks = {_table(map(_chunk, graph.chunks))}")
    if graph.parameters:
        parts.append(f"parameters = {_table(map(_parameter, graph.parameters))}")
    return f"{{{', '.join(parts)}}}" if parts else ""


def _table(entries: Iterable[str]) -> str:
    return "[\n" + "".join(f"    {entry},\n" for entry in entries) + "  ]"


def _parameter(entry: Parameter) -> str:
    kind, number = entry.init
    values = [_string(entry.path), print_value(entry.type), f"{kind}({print_value(number)})"]
    return f"p({', '.join(values + ([] if entry.kind == 'param' else [_string(entry.kind)]))})"


def _chunk(chunk: Chunk) -> str:
    rest = {name: getattr(chunk, name) for name, usual in CHUNK_DEFAULTS.items() if getattr(chunk, name) != usual}
    return _call("c", [_string(chunk.path), print_value(chunk.members)], rest)


def _plan(schedule: tuple[Residency, ...]) -> Iterator[str]:
    """What is resident when: a line ends behind what a call releases."""
    if not schedule:
        return
    yield "  plan {"
    row: list[str] = []
    for entry, after in zip_longest(schedule, schedule[1:]):
        row.append(f"{entry.word} {_string(entry.path)}")
        if after is None or (entry.word == "release" and after.word != "release"):
            yield f"    {'  '.join(row)}"
            row.clear()
    yield "  }"


# ---- nodes and roots


def _body(body: Graph, names: dict[int, str], training: bool) -> Iterator[str]:
    """A body as a statement of the outermost graph."""
    header = _header(body, {} if body.training == training else {"training": body.training})
    yield f"  chunk {names[id(body)]} {_string(body.name)} {header + ' ' if header else ''}{{"
    for _, text in _nodes(body, names):
        yield "    " + text
    yield from _roots(body, "    ")
    yield "  }"


def _nodes(graph: Graph, bodies: dict[int, str]) -> Iterator[tuple[Node, str]]:
    known = _node_names(graph)
    for node in graph.nodes:
        yield node, f"{known[node]} = {_node(node, known, bodies)}"


def _node_names(graph: Graph) -> dict[Node, str]:
    """A name for every node: its own where that is free, else its number. A name that repeats gets a number behind it."""
    known: dict[Node, str] = {}
    taken: dict[str, int] = {}
    for i, node in enumerate(graph.nodes):
        name = node.name if _NODE_NAME.fullmatch(node.name) else str(i)
        while name in taken:
            taken[name] += 1
            name = f"{name}.{taken[name]}"
        taken[name] = 1
        known[node] = "%" + name
    return known


def _node(node: Node, known: dict[Node, str], bodies: dict[int, str]) -> str:
    shown = dict(node.attrs)
    word = shown.pop("word") if node.op == "apply" and "word" in shown else node.op
    if word in OUTLINED:
        head = word
        shown = {name: value for name, value in shown.items() if name not in PART}
    elif node.op in TARGETS:
        head = f"{word} {_string(shown.pop(TARGETS[node.op]))}"
    else:
        head = node.op if node.op == "const" else f"op {node.op}"
    for name, usual in DEFAULTS.get(node.op, {}).items():
        if name in shown and type(shown[name]) is type(usual) and shown[name] == usual:
            del shown[name]
    if node.op == "apply" and shown.get("call") == node.attrs["chunk"] and word not in OUTLINED:
        del shown["call"]
    operands = f" ({', '.join(known[operand] for operand in node.operands)})" if node.operands else ""
    values = (f"{name} = {bodies[id(v)] if isinstance(v, Graph) else print_value(v)}" for name, v in shown.items())
    attributes = f" {{{', '.join(values)}}}" if shown else ""
    return f"{head}{operands}{attributes} : {node.type}"


def _roots(graph: Graph, indent: str) -> Iterator[str]:
    known = _node_names(graph)
    for name, node in graph.outputs:
        yield f"{indent}output {_string(name)} = {known[node]}"
    for name, node in graph.losses:
        yield f"{indent}loss {_string(name)} = {known[node]}"
    for state, value in graph.nexts:
        yield f"{indent}next {_string('^' * state.attrs['up'] + state.attrs['path'])} = {known[value]}"


# ---- values


def _float(value: float) -> str:
    """Digits that read back to the same bits; a NaN that is not the usual one shows its bits."""
    if not math.isnan(value):
        return repr(value)
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return "nan" if bits == struct.unpack("<q", struct.pack("<d", math.nan))[0] else f"nan({bits})"


def _string(value: str) -> str:
    plain = (_ESCAPES.get(char) or (char if char.isprintable() else f"\\u{{{ord(char):x}}}") for char in value)
    return f'"{"".join(plain)}"'


def _rule(rule: Rule) -> str:
    counted = rule.kind in ("top", "first")
    first = [print_value(rule.amount)] if counted else [] if rule.limit is None else [print_value(rule.limit)]
    rest: dict[str, Any] = {"over": rule.over, "of": rule.of, "threshold": rule.threshold}
    usual = {"over": (-1,), "of": "score", "threshold": ""}
    if counted and rule.limit is not None:
        rest["limit"] = rule.limit
    if not counted and rule.amount != 0:
        rest["amount"] = rule.amount
    said = {name: value for name, value in rest.items() if value != usual.get(name)}
    return _call(rule.kind, first, said) if first or said else rule.kind


def _call(name: str, positional: list[str], keywords: dict[str, Any]) -> str:
    return f"{name}({', '.join([*positional, *(f'{key}={print_value(value)}' for key, value in keywords.items())])})"
