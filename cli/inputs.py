"""Values for a model's inputs: `--dims B=2,T=16`, `--input x=x.npy`, and seeded random numbers for what is not given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..compiler.diagnostics import Findings, Label, did_you_mean
from ..compiler.dims import UnboundDim, evaluate, symbols
from ..compiler.ir import Graph, Node
from ..compiler.source import Span
from ..compiler.types import free_symbols
from ..compiler.work import bare_symbol
from .arguments import CommandLine, Given
from .dims import LARGEST, demand_dims, placed_dims

Array = np.ndarray[Any, np.dtype[Any]]

STORED = {"f64": "float64", "f32": "float32", "bf16": "float32", "f16": "float16", "i64": "int64", "i32": "int32", "bool": "bool"}
"""The NumPy dtype that an input of each dtype is given in; bf16 has none of its own."""


def input_values(graph: Graph, line: CommandLine, *, seed: int) -> tuple[dict[str, Array], dict[str, int]]:
    """An array for each input of the graph, and the sizes of its run-time dimensions.

    Raises `CompileError` with everything that does not fit, in `--dims` and in the files.
    """
    inputs = {str(node.attrs["name"]): node for node in graph.inputs}
    reading = _Reading(line.findings, inputs)
    for name, (size, span) in placed_dims(graph, line).items():
        reading.sizes[name], reading.origins[name] = size, span
    reading.take_files(line.pairs("--input", "CC0706"))
    reading.demand_all()
    line.findings.check()
    return random_inputs(graph, reading.sizes, seed=seed, given=reading.arrays), reading.sizes


def random_inputs(
    graph: Graph, sizes: Mapping[str, int], *, seed: int, given: Mapping[str, Array] | None = None
) -> dict[str, Array]:
    """An array for each input of the graph: the one that is given, else random values."""
    generator = np.random.default_rng(seed)
    known = given or {}
    named = ((str(node.attrs["name"]), node) for node in graph.inputs)
    return {name: known[name] if name in known else _random(graph, node, sizes, generator) for name, node in named}


@dataclass
class _Reading:
    """Sizes and arrays as they become known; `origins` is where each size was given."""

    findings: Findings
    inputs: Mapping[str, Node]
    sizes: dict[str, int] = field(default_factory=dict)
    origins: dict[str, Span] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)

    def take_files(self, given: Mapping[str, Given]) -> None:
        for name, pair in given.items():
            if name not in self.inputs:
                hint = did_you_mean(name, self.inputs) or f"it has {', '.join(f'`{k}`' for k in self.inputs) or 'none'}"
                self.findings.error("CC0706", f"the model has no input `{name}`", pair.name_span, label="not known", hint=hint)
                continue
            array = self._load(pair)
            if array is not None and self._alike(self.inputs[name], pair, array):
                self.arrays[name] = array
                self._bind(self.inputs[name], pair, array)
        for name, array in self.arrays.items():
            self._compare(self.inputs[name], given[name], array)

    def _load(self, pair: Given) -> Array | None:
        """The array in a `.npy` file, never unpickled; None if there is none, which is reported."""
        try:
            array = np.load(pair.value, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            told = (error.strerror or str(error)).lower()
            self.findings.error("CC0701", f"`{pair.value}`: {told}", pair.value_span, label="cannot be read")
        except (ValueError, EOFError):
            hint = "write it by `numpy.save`; pickled objects are never loaded, because that runs code"
            message = f"`{pair.value}` is no .npy file of numbers"
            self.findings.error("CC0707", message, pair.value_span, label="this file", hint=hint)
        else:
            if isinstance(array, np.ndarray):
                return array
            hint = "save each array in a .npy file of its own"
            self.findings.error("CC0707", f"`{pair.value}` holds several arrays", pair.value_span, label="this file", hint=hint)
        return None

    def _alike(self, node: Node, pair: Given, array: Array) -> bool:
        """Whether dtype and number of dimensions are the input's."""
        declared = node.tensor
        wanted = np.dtype(STORED[declared.dtype])
        also = [Label(node.span, f"declared {declared} here")]
        if array.dtype != wanted:
            hint = f"save `{pair.name}.astype(numpy.{wanted})`"
            message = f"`{pair.name}` is {declared.dtype}, but the file holds {array.dtype}"
            self.findings.error("CC0708", message, pair.value_span, label=str(array.dtype), also=also, hint=hint)
        if array.ndim != declared.rank:
            message = f"`{pair.name}` has {declared.rank} dimensions, but the file's array has {array.ndim}"
            self.findings.error("CC0708", message, pair.value_span, label=f"shape {list(array.shape)}", also=also)
        return array.dtype == wanted and array.ndim == declared.rank

    def _bind(self, node: Node, pair: Given, array: Array) -> None:
        """Takes the sizes of run-time dimensions from an array, where they are not known yet."""
        for size, actual in zip(node.shape, array.shape):
            name = bare_symbol(size)
            if name and name not in self.sizes:
                self.sizes[name], self.origins[name] = actual, pair.value_span

    def _compare(self, node: Node, pair: Given, array: Array) -> None:
        """Reports the axes of an array that differ from what is declared, given and found so far."""
        for axis, (size, actual) in enumerate(zip(node.shape, array.shape)):
            try:
                wanted = evaluate(size, self.sizes)
            except UnboundDim:
                continue  # `demand_all` reports the dimension
            if wanted == actual:
                continue
            also = [Label(node.span, f"declared {node.type} here")]
            also += [Label(self.origins[n], f"`{n}` is {self.sizes[n]} here") for n in sorted(symbols(size))]
            message = f"`{pair.name}` needs `{size}` = {wanted} along axis {axis}, but the file's array has {actual}"
            label = f"shape {list(array.shape)}"
            self.findings.error("CC0708", message, pair.value_span, label=label, also=also)

    def demand_all(self) -> None:
        """Reports dimensions without a size, and inputs too large."""
        if self.findings.errors:
            return
        if not demand_dims(self.inputs.values(), self.sizes, self.findings):
            return
        for node in self.inputs.values():
            count = math.prod(evaluate(size, self.sizes) for size in node.shape)
            if count > LARGEST:
                message = f"`{node.attrs['name']}` would have {count} elements; {LARGEST} is the most"
                self.findings.error("CC0705", message, node.span, label="this input", also=self._sizes_of(node))

    def _sizes_of(self, node: Node) -> list[Label]:
        return [Label(self.origins[n], f"`{n}`") for n in sorted(free_symbols(node.type)) if n in self.origins]


def _random(graph: Graph, node: Node, sizes: Mapping[str, int], generator: np.random.Generator) -> Array:
    """Standard normal numbers, whole numbers in the range that the graph reads, or coin flips."""
    declared = node.tensor
    shape = tuple(evaluate(size, sizes) for size in declared.shape)
    stored = STORED[declared.dtype]
    if declared.is_float:
        return generator.standard_normal(shape).astype(stored)
    if declared.dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    return generator.integers(0, index_range(graph, node), shape).astype(stored)


def index_range(graph: Graph, value: Node) -> int:
    """How many different whole numbers an input may hold: the rows of the tables that it looks up, 2 where none is known."""
    found = []
    for user in graph.nodes:
        for place, operand in enumerate(user.operands):
            if operand is not value:
                continue
            if user.op == "embedding":
                found += [size for size in user.operands[1].shape[:1] if isinstance(size, int)]
            elif user.op == "one_hot" and isinstance(user.shape[-1], int):
                found.append(user.shape[-1])
            elif user.op == "apply" and isinstance(user.attrs.get("body"), Graph):
                inside = user.attrs["body"]
                found += [index_range(inside, inside.inputs[place])] if place < len(inside.inputs) else []
    return min(found, default=2)
