"""Warnings about what is declared and never read, found in the text alone, so that they are the same for eval and training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from ...compiler.diagnostics import Findings
from .. import tree

DECLARING = (tree.Let, tree.Param, tree.State, tree.Chunk, tree.Selection, tree.Input, tree.Parameter)
WHAT = {
    tree.Let: "value",
    tree.Param: "parameter",
    tree.State: "state",
    tree.Chunk: "chunk",
    tree.Selection: "selection",
    tree.Input: "input",
    tree.Parameter: "compile-time parameter",
}


def warn(findings: Findings, file: tree.File) -> None:
    """Warn of unused names in each model of a file. A name that starts with `_` is meant to be unused."""
    for item in file.items:
        if isinstance(item, tree.Model):
            declared: dict[str, tuple[type, tree.Name]] = {}
            read: set[str] = set()
            _walk(item, declared, read)
            for name, (kind, place) in declared.items():
                if name not in read and not name.startswith("_"):
                    findings.warn(
                        "CC0804", f"the {WHAT[kind]} `{name}` is never used", place.span, hint=f"remove it, or call it `_{name}`"
                    )


def _walk(root: tree.Syntax, declared: dict[str, tuple[type, tree.Name]], read: set[str]) -> None:
    stack: list[object] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(node)
        elif isinstance(node, tree.Name):
            read.add(node.text)
        elif isinstance(node, tree.Syntax):
            if isinstance(node, DECLARING):
                declared.setdefault(node.name.text, (type(node), node.name))
            if isinstance(node, tree.Output) and node.value is None:
                read.add(node.name.text)
            if isinstance(node, tree.Next):
                read.add(node.name.text)
            stack.extend(_children(node))


def _children(node: tree.Syntax) -> Iterator[object]:
    """What a piece of a file reads: all but the name that it declares, spans, and names of fields and arguments."""
    for field in fields(node):
        if field.name == "span" or (field.name == "name" and not isinstance(node, tree.Call)):
            continue
        value = getattr(node, field.name)
        if isinstance(value, (tree.Syntax, tuple)):
            yield value
