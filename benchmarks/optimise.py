"""`python -m benchmarks.optimise`: how long -O2 takes by layers, pass by pass. Processor time, medians in milliseconds.

The spec is a stack of mixtures of 64 experts. Reading it is not counted; lowering to a plan is.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from chunkc.compiler.ir import Graph
from chunkc.compiler.planning import lower
from chunkc.grammar import elaborate
from chunkc.passes import pipeline
from chunkc.passes.manager import text

LAYERS = (12, 24, 48, 96)

SPEC = """
model m(d: int = 64, layers: int = {layers}, experts: int = 64) {{
  input x: f32[B, T, d]
  chunk expert[layers, experts](h) {{ h |> linear(4 * d) |> gelu |> linear(d) }}
  h = x
  for i in 0..layers {{
    router gate[i] {{ score = h |> linear(experts)  keep = top(2) }}
    loss balance = load_balance(gate[i])
    fuse h = residual(h, weighted_sum(expert[i](h), by=gate[i]))
  }}
  output h
}}
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each stage, in order, and of lowering; `nodes` after the last pass."""

    layers: int
    passes: tuple[tuple[str, float], ...]
    lowering: float
    nodes: int

    @property
    def total(self) -> float:
        return sum(spent for _, spent in self.passes) + self.lowering


def spent(call: Callable[[], object]) -> float:
    """Milliseconds of processor time that a call took."""
    begin = time.process_time()
    call()
    return 1e3 * (time.process_time() - begin)


def once(graph: Graph, names: tuple[str, ...]) -> tuple[list[float], float, Graph]:
    """One run of the passes, verified after each as `chunkc opt` does, and of lowering."""
    found: list[float] = []
    for name in names:
        begin = time.process_time()
        graph = pipeline.run(graph, [name])
        found.append(1e3 * (time.process_time() - begin))
    return found, spent(lambda: lower(graph)), graph


def measure(layers: int, rounds: int = 5) -> Times:
    """Medians of several runs, after one that is not counted."""
    graph, names = elaborate.loads(SPEC.format(layers=layers)), tuple(map(text, pipeline.resolve(["O2"])))
    runs = [once(graph, names) for _ in range(rounds + 1)][1:]
    medians = tuple((name, statistics.median(run[0][i] for run in runs)) for i, name in enumerate(names))
    return Times(layers, medians, statistics.median(run[1] for run in runs), len(runs[0][2].nodes))


def main() -> None:
    """Print the table, a row a pass, a column a number of layers."""
    found = [measure(layers) for layers in LAYERS]
    print(f"{'layers':<28}" + "".join(f"{one.layers:>9}" for one in found))
    for i, (name, _) in enumerate(found[0].passes):
        print(f"{name:<28.28}" + "".join(f"{one.passes[i][1]:9.1f}" for one in found))
    print(f"{'lower-plan':<28}" + "".join(f"{one.lowering:9.1f}" for one in found))
    print(f"{'all':<28}" + "".join(f"{one.total:9.1f}" for one in found))
    print(f"{'all, a layer':<28}" + "".join(f"{one.total / one.layers:9.2f}" for one in found))


if __name__ == "__main__":
    main()
