"""Graphs written by hand, node by node, for tests of what runs them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from chunkc.compiler.dims import Size, symbol
from chunkc.compiler.ir import Attrs, Graph, Node
from chunkc.compiler.selection import Rule
from chunkc.compiler.source import NOWHERE
from chunkc.compiler.types import BundleType, RecordType, SelectionType, TensorType, Type

ANY = TensorType("f32", ())
"""The type of a node whose type its reader does not look at."""


def size(value: int | str | Size) -> Size:
    return symbol(value) if isinstance(value, str) else value


def tensor(dtype: str, *shape: int | str | Size) -> TensorType:
    """`tensor("f32", "B", 4)` is f32[B, 4]."""
    return TensorType(dtype, tuple(size(axis) for axis in shape))


class Builder:
    """Collects nodes in order; every method gives the node it adds."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, op: str, operands: tuple[Node, ...], type: Type, **attrs: Any) -> Node:
        self.nodes.append(Node(op, operands, Attrs(attrs), type, NOWHERE))
        return self.nodes[-1]

    def input(self, name: str, dtype: str, *shape: int | str | Size, type: Type | None = None) -> Node:
        return self.add("input", (), type or tensor(dtype, *shape), name=name)

    def param(self, path: str, *shape: int, up: int = 0, dtype: str = "f32", op: str = "param") -> Node:
        return self.add(op, (), tensor(dtype, *shape), path=path, up=up)

    def const(self, value: bool | int | float, dtype: str = "f32") -> Node:
        return self.add("const", (), tensor(dtype), value=value)

    def op(self, name: str, *operands: Node, type: Type = ANY, **attrs: Any) -> Node:
        return self.add(name, operands, type, **attrs)

    def select(self, path: str, rules: tuple[Rule, ...], *, slots: dict[str, Node], **attrs: Any) -> Node:
        """A select with slots by name; its type says nothing of shapes."""
        given = {
            "kind": "router",
            "grain": "",
            "fallback": (),
            "renormalise": False,
            "train": "hard",
            "cache": (),
            "levels": (),
            **attrs,
        }
        type = SelectionType(TensorType("bool", ()), ANY)
        return self.add("select", tuple(slots.values()), type, path=path, slots=tuple(slots), rules=rules, **given)

    def field(self, source: Node, name: str, type: Type = ANY) -> Node:
        return self.add("field", (source,), type, name=name)

    def fuse(self, kind: str, *streams: Node, by: Node | None = None) -> Node:
        operands = streams if by is None else (*streams, by)
        return self.add("fuse", operands, ANY, kind=kind, by=by is not None)

    def apply(self, chunk: str, body: Graph | None, *arguments: Node, members: tuple[str, ...] = ("",), **attrs: Any) -> Node:
        """A call of one chunk, or of an array of `members`: then the result is a bundle."""
        several = body is not None and len(body.outputs) > 1
        element: Type = RecordType(tuple((name, ANY) for name, _ in body.outputs)) if body and several else ANY
        single = members == ("",)
        given = {"up": 0, "call": chunk, "zipped": False, **attrs}
        type = element if single else BundleType(len(members), element)
        return self.add("apply", arguments, type, chunk=chunk, members=members, body=body, single=single, **given)

    def graph(
        self, *outputs: Node, losses: dict[str, Node] | None = None, nexts: tuple[tuple[Node, Node], ...] = (), **named: Node
    ) -> Graph:
        """The graph of what was added: outputs `y`, `y1`, `y2` …, or by name."""
        names = ["y", *(f"y{i}" for i in itertools.islice(itertools.count(1), len(outputs)))]
        wanted = (*zip(names, outputs), *named.items())
        return Graph("hand", tuple(self.nodes), tuple(wanted), tuple((losses or {}).items()), nexts, NOWHERE)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Reproducible standard normal numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)
