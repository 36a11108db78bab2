"""What `choose-kernels` takes on a target, from what it expects, is what the simulated call is fastest with."""

from __future__ import annotations

import itertools

import pytest

import chunkc
from chunkc.compiler.ir import Graph
from chunkc.compiler.planning import lower
from chunkc.passes.choose_kernels import ChooseKernels
from chunkc.simulator.model import SimulatedCost, model_of
from chunkc.simulator.simulate import simulate
from chunkc.simulator.workloads import Workload

TOKENS = (1, 16, 128, 1024)
NEAR, FAR = 1.05, 1.15
"""How much slower than the fastest a choice is, where it says the same, and at most: selections fall otherwise than expected,
and what stands before a mixture hides launches of it."""


def seconds(graph: Graph, kernel: str, model: SimulatedCost, dims: dict[str, int]) -> float:
    """With one kernel, or (with none) as it is."""
    forced = ChooseKernels(force=kernel).apply(graph) if kernel else graph  # type: ignore[arg-type]
    return simulate(lower(forced), model.machine, Workload.of(forced, dims, inputs=10)).seconds


@pytest.mark.parametrize("target", ["h200", "cpu-generic", "edge-npu-32x32"])
def test_the_choice_is_the_fastest_simulated(root, target: str) -> None:
    model, found = model_of(target), []
    for (d, experts, kept), tokens in itertools.product(((64, 2, 1), (256, 8, 2), (512, 16, 2)), TOKENS):
        graph = chunkc.optimize(chunkc.load(root / "specs" / "moe.cc", d=d, experts=experts, k=kept), ["group-chunks"])
        dims = {"B": 1, "T": tokens}
        chosen = ChooseKernels(dims=f"B=1,T={tokens}", model=model).apply(graph)
        fastest = min(seconds(graph, kernel, model, dims) for kernel in ("dense", "gather", "grouped"))
        found.append(seconds(chosen, "", model, dims) / fastest)
    assert max(found) <= FAR
    assert sum(one <= NEAR for one in found) >= 0.9 * len(found)


MASKS = [
    ("benchmarks/neurons.cc", {"d": 256, "kept": 0.1}, {"B": 8, "T": 64}, ("dense", "union", "gather")),
    ("benchmarks/neurons.cc", {"d": 256, "kept": 0.9}, {"B": 8, "T": 64}, ("dense", "union", "gather")),
    ("specs/dynamic_sparsity_block.cc", {"d": 512, "block": 64}, {"B": 16}, ("dense", "gather")),
    (
        "specs/translation_attention_block.cc",
        {"d": 256, "h": 4, "block": 32},
        {"B": 2, "T": 128, "S": 128},
        ("dense", "blocks", "gather"),
    ),
]


@pytest.mark.parametrize("target", ["h200", "cpu-generic"])
@pytest.mark.parametrize("path, params, dims, kernels", MASKS)
def test_the_kernel_of_a_mask_is_the_fastest_simulated(root, path, params, dims, kernels, target: str) -> None:
    model, graph = model_of(target), chunkc.load(root / path, **params)
    chosen = ChooseKernels(dims=",".join(f"{name}={size}" for name, size in dims.items()), model=model).apply(graph)
    fastest = min(seconds(graph, kernel, model, dims) for kernel in kernels)
    assert seconds(chosen, "", model, dims) <= NEAR * fastest
