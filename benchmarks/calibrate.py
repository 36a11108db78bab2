"""`python -m benchmarks.calibrate`: the three numbers of the roofline of this machine, as `compiler/cost.py` holds some.

- multiply-adds a second: a product of [512, 512] and [512, 2048];
- bytes a second: weights read by products of a single row, more of them than a cache holds;
- seconds a launch: what one more expert costs in an emitted mixture on next to nothing, by the launches that are counted for it.

The least of many rounds, in f32, with as many threads as torch is given (OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

import chunkc
from chunkc.backends.torch import compile as lower
from chunkc.compiler.calls import enter_calls, node_calls
from chunkc.compiler.cost import Roofline
from chunkc.compiler.ir import Graph
from chunkc.passes.choose_kernels import ChooseKernels

SPEC = Path(__file__).resolve().parent.parent / "specs" / "moe.cc"


def least(call: Callable[[], object], rounds: int) -> float:
    """Seconds of wall time of the fastest round: what else the machine does only ever adds."""
    found = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def macs_per_s(rounds: int) -> float:
    x, weight = torch.randn(512, 512), torch.randn(2048, 512)
    return 512 * 512 * 2048 / least(lambda: F.linear(x, weight), rounds)


def bytes_per_s(rounds: int) -> float:
    x, weights = torch.randn(1, 512), [torch.randn(2048, 512) for _ in range(32)]
    return sum(4 * weight.numel() for weight in weights) / least(lambda: [F.linear(x, weight) for weight in weights], rounds)


def launch_s(rounds: int) -> float:
    few, many, x = 4, 20, torch.randn(1, 1, 8)
    graphs = [ChooseKernels(force="dense").apply(chunkc.load(SPEC, d=8, experts=experts)) for experts in (few, many)]
    models = [lower(graph) for graph in graphs]
    times = [least(functools.partial(model.eval(), x), 10 * rounds) for model in models]
    return (times[1] - times[0]) / (launches(graphs[1]) - launches(graphs[0]))


def launches(graph: Graph) -> float:
    """Of one call in which all experts run."""
    dims, (apply,) = {"B": 1, "T": 1}, (node for node in graph.nodes if node.op == "apply")
    inside = [*enter_calls(apply), *(call for node in apply.attrs["body"].nodes for call in node_calls(node, dims))]
    outside = [call for node in graph.nodes for call in node_calls(node, dims)]
    return sum(call.launches for call in (*outside, *(inside * len(apply.attrs["members"]))))


def measure(rounds: int) -> Roofline:
    """Of this machine, now. A processor's core does not read memory while it multiplies, or not enough to count on."""
    with torch.inference_mode():
        return Roofline(macs_per_s(rounds), bytes_per_s(rounds), launch_s(rounds), overlaps=False)


def main() -> None:
    """Prints them."""
    parser = argparse.ArgumentParser(description="Measure what the cost model asks of a machine.")
    parser.add_argument("--rounds", type=int, default=50)
    found = measure(parser.parse_args().rounds)
    numbers = {"macs_per_s": found.macs_per_s, "bytes_per_s": found.bytes_per_s, "launch_s": found.launch_s}
    print(json.dumps({"threads": torch.get_num_threads(), **{name: float(f"{value:.3g}") for name, value in numbers.items()}}))
    print(f"choose-kernels(machine='{','.join(f'{value:.3g}' for value in numbers.values())}')")


if __name__ == "__main__":
    main()
