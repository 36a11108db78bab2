"""`python -m benchmarks.guards`: what the guards of `specialize` gain where they hold, and cost where they fail.

Calls with and without a profile take turns; processor time of one thread, the least of all rounds, as a table for
`docs/profiles.md`. A guard holds or fails by the bias of the router.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

import chunkc
from chunkc.compiler.ir import Graph
from chunkc.compiler.profile import Activity, KeptSet, Profile, fingerprint
from chunkc.grammar import elaborate
from chunkc.passes.specialize import Specialize

TOKENS = """
model tokens(d: int = 64, experts: int = {ways}) {{
  input x: f32[B, T, d]
  chunk expert[experts](h) {{ h |> linear(4 * d) |> gelu |> linear(d) }}
  router gate {{ score = x |> linear(experts)  keep = top(2) }}
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}}
"""
SAMPLES = TOKENS.replace("x |> linear", "x |> mean(T) |> linear")


@dataclass(frozen=True, slots=True)
class Setting:
    """A mixture: decisions for each token or each sample, its ways, how many of them are cold, and the sizes of a call."""

    decides: str
    ways: int
    cold: int
    batch: int
    tokens: int

    @property
    def path(self) -> tuple[int, ...]:
        """The two ways that whole calls kept."""
        return (self.ways - 2, self.ways - 1)


SETTINGS = (
    Setting("tokens", 8, 1, 2, 16),
    Setting("tokens", 8, 4, 2, 16),
    Setting("tokens", 64, 40, 2, 16),
    Setting("tokens", 64, 40, 8, 128),
    Setting("tokens", 128, 100, 1, 1),
    Setting("samples", 8, 0, 1, 128),
    Setting("samples", 64, 0, 1, 16),
)


def profile(graph: Graph, one: Setting) -> Profile:
    kept = tuple(0 if way < one.cold else 100 for way in range(one.ways))
    sets = (KeptSet(one.path, 1000, 10),) if one.decides == "samples" else ()
    return Profile(graph.name, fingerprint(graph), 10, (), {"gate": Activity(one.ways, 5000, kept, (0.5,) * one.ways, sets)})


def route(made: Any, one: Setting, holds: bool) -> None:
    """Lets the guard hold, or fail for every call."""
    bias = torch.zeros(one.ways)
    if one.decides == "samples":
        bias[list(one.path) if holds else [0, 1]] = 50.0
    else:
        bias[: one.cold] = -50.0 if holds else 5.0
    with torch.no_grad():
        made.gate.linear_1.bias.copy_(bias)


def ratio(one: Setting, holds: bool, rounds: int) -> tuple[float, float]:
    """Microseconds of a call without a profile, and its time with one as a share of that."""
    graph = elaborate.loads((TOKENS if one.decides == "tokens" else SAMPLES).format(ways=one.ways))
    marked = chunkc.optimize(graph, [Specialize(profile(graph, one))])
    made = [chunkc.compile(given, passes=()).eval() for given in (graph, marked)]
    for module in made:
        route(module, one, holds)
    x, least = torch.randn(one.batch, one.tokens, 64), [float("inf")] * 2
    with torch.no_grad():
        for _ in range(rounds):
            for i, module in enumerate(made):
                begin = time.thread_time()
                module(x)
                least[i] = min(least[i], time.thread_time() - begin)
    (guard,) = made[1].guards().values()
    assert guard.held == (guard.asked if holds else 0)
    return 1e6 * least[0], least[1] / least[0]


def main(rounds: int = 300) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| decisions for | ways | cold | positions | without a profile | guard holds | guard fails |\n" + "| --- " * 7 + "|")
    for one in SETTINGS:
        spent, held = ratio(one, True, rounds)
        _, failed = ratio(one, False, rounds)
        cells = (one.decides, one.ways, one.cold, one.batch * one.tokens, f"{spent:.0f} µs", f"{held:.2f}", f"{failed:.2f}")
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
