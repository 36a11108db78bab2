"""Of every spec, computed densely, the calls hold all of its work: no multiply-add more or less, no byte too few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import harness
import pytest
from cases import CASES, Case
from harness import graph, inputs, module
from launches import launched

from chunkc.compiler.calls import grouped_calls, node_calls
from chunkc.compiler.cost import CPU, Cost
from chunkc.compiler.dims import evaluate, product
from chunkc.compiler.ir import Frame, Graph, Node
from chunkc.compiler.planning.demand import demand
from chunkc.compiler.types import BYTES, TensorType, tensor_types
from chunkc.compiler.work import call_dims, dense_macs, executed
from chunkc.passes.choose_kernels import ChooseKernels
from chunkc.passes.kernel_costs import Estimate


def calls_of(one: Graph, dims: Mapping[str, int], frame: Frame, read: set[str]) -> Iterator[Cost]:
    """All calls, bodies as often as they are called; `read` is told the parameters that they read."""
    for node in one.nodes:
        if node.op == "apply" and node.attrs["body"] is not None:
            for member in node.attrs["members"]:
                yield from calls_of(node.attrs["body"], call_dims(node, dims), frame.enter(node, member), read)
        elif node.op != "apply":
            read.update(frame.resolve(operand) for operand in node.operands if operand.op == "param")
            yield from node_calls(node, dims)


def size(node: Node, dims: Mapping[str, int]) -> int:
    return sum(evaluate(product(part.shape), dims) * BYTES[part.dtype] for part in tensor_types(node.type))


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_left_out(case: Case, training: bool) -> None:
    one, read = graph(case, training=training), set[str]()
    calls = list(calls_of(one, case.dims, Frame(), read))
    assert sum(call.macs for call in calls) == dense_macs(one, case.dims)
    tables = {node.operands[1].attrs["path"] for node in one.nodes if node.op == "embedding"}
    weights = sum(size_of(entry.type) for entry in one.parameters if entry.path in read - tables)
    outputs = sum(size(node, case.dims) for _, node in one.outputs if node.op not in ("input", "field"))
    assert sum(call.bytes for call in calls) >= weights + outputs
    assert all(call.launches == 1 and call.shape is not None for call in calls)


def size_of(kind: TensorType) -> int:
    return evaluate(product(kind.shape), {}) * BYTES[kind.dtype]


@pytest.mark.parametrize("case", [case for case in CASES if len(graph(case).outputs) == 1], ids=lambda case: case.name)
def test_torch_launches_as_much(case: Case) -> None:
    """Of a call in which everything is computed. What is left: operands that are not contiguous, other kernels at tiny sizes."""
    harness.PASSES["dense"] = (ChooseKernels(force="dense"),)  # type: ignore[assignment, arg-type]
    made, given = module(case, passes="dense", dtype="f32"), inputs(case, dtype="f32").values()
    made(*given)  # what is derived from parameters alone is there now
    names = launched(made, *given)
    calls = list(calls_of(graph(case, passes="dense"), case.dims, Frame(), set()))
    assert abs(len(names) - len(calls)) <= 0.07 * len(names) + 2


@pytest.mark.parametrize("kernel", ["gather", "grouped"])
def test_a_mixture_launches_what_its_routes_say(kernel: str) -> None:
    """By the rows that each expert had in this call."""
    case = next(case for case in CASES if case.name == "moe")
    harness.PASSES[kernel] = ("group-chunks", ChooseKernels(force=kernel))  # type: ignore[assignment, arg-type]
    made, given = module(case, passes=kernel, dtype="f32"), inputs(case, dtype="f32").values()
    names = launched(made, *given)
    loads = [int(load) for load in made.stats()["gate"].load]
    planned = demand(graph(case, passes=kernel))
    (fuse,) = (node for node in planned.nodes if "routing" in node.attrs)
    (experts,), routing, rows = fuse.operands[:-1], fuse.attrs["routing"], case.dims["B"] * case.dims["T"]
    calls = [call for part in Estimate(CPU, {}).glue(fuse, routing, loads, rows, case.dims) for call in part]
    if kernel == "grouped":
        calls += grouped_calls(experts.attrs["body"], routing.prefix, loads, case.dims)
    else:
        bodies = [(node, load) for load in loads for node in experts.attrs["body"].nodes]
        calls += [call for node, load in bodies for call in node_calls(node, case.dims, load / rows)]
    calls += [call for node in planned.nodes if node is not fuse for call in node_calls(node, case.dims)]
    assert len(names) == sum(call.shape is not None for call in calls)
    ran = executed(planned, case.dims, {f"expert.{i}": load / rows for i, load in enumerate(loads)})
    assert sum(call.macs for call in calls) == pytest.approx(ran, rel=1e-12)
