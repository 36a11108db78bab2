"""Sizes of run-time dimensions on the command line: `--dims B=2,T=16`."""

from __future__ import annotations

from ..compiler.diagnostics import Label, did_you_mean
from ..compiler.ir import Graph
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
