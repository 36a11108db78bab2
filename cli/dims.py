"""Sizes of run-time dimensions on the command line: `--dims B=2,T=16`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..compiler.diagnostics import Findings, Label, did_you_mean
from ..compiler.ir import Graph, Node
from ..compiler.source import Span
from ..compiler.types import free_symbols
from .arguments import CommandLine

LARGEST = 2**28
"""Elements of one input at most: a slip in `--dims` should not fill the memory."""


def placed_dims(graph: Graph, line: CommandLine) -> dict[str, tuple[int, Span]]:
    """The sizes that `--dims` gives to dimensions of the graph's inputs, each with its place; what is wrong is reported."""
    found: dict[str, tuple[int, Span]] = {}
    known = sorted(frozenset().union(*(free_symbols(node.type) for node in graph.inputs)))
    for name, pair in line.pairs("--dims", "CC0704", separator=",").items():
        if name not in known:
            hint = did_you_mean(name, known) or f"the inputs have {', '.join(f'`{k}`' for k in known) or 'none'}"
            also = [Label(node.span, str(node.type)) for node in graph.inputs]
            message = f"no input has a dimension `{name}`"
            line.findings.error("CC0704", message, pair.name_span, label="not known", also=also, hint=hint)
        elif not (pair.value.isascii() and pair.value.isdigit() and 0 < int(pair.value[:20]) <= LARGEST):
            message = f"`{name}` takes a whole number from 1 to {LARGEST}, not `{pair.value}`"
            line.findings.error("CC0705", message, pair.value_span, label="not a size")
        else:
            found[name] = int(pair.value), pair.value_span
    return found


def dims_of(graph: Graph, line: CommandLine) -> dict[str, int]:
    """The sizes alone."""
    return {name: size for name, (size, _) in placed_dims(graph, line).items()}


def demand_dims(inputs: Iterable[Node], sizes: Mapping[str, int], findings: Findings) -> bool:
    """Whether every dimension of the inputs has a size; what has none is reported."""
    missing: dict[Span, list[str]] = {}
    for node in inputs:
        for name in sorted(free_symbols(node.type)):
            if name not in sizes and not any(name in names for names in missing.values()):
                missing.setdefault(node.span, []).append(name)
    if missing:
        names = [name for found in missing.values() for name in found]
        hint = "add --dims " + ",".join(f"{name}={2 if name == 'B' else 16}" for name in names)
        first, *rest = [Label(span, f"{_listed(found)} of this input") for span, found in missing.items()]
        message = f"the size of {_listed(names)} is not given"
        findings.error("CC0705", message, first.span, label=first.text, also=rest, hint=hint)
    return not missing


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
