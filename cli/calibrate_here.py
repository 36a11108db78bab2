"""`chunkc calibrate` without `--from`: the machine at hand as a target, by microbenchmarks."""

from __future__ import annotations

from pathlib import Path

import click

from .report import progress, table

NOTHING = "model nothing {\n  input x: f32[B, 8]\n  output y = x |> relu\n}\n"


def calibrate_here(output: str, threads: int | None) -> None:
    """Measures torch's kernels here (about a minute) and writes the target's TOML; `-` is stdout."""
    import torch

    from ..backends.torch.measuring import facts, measure
    from ..backends.torch.measuring.loads import measure_loads
    from ..simulator.calibration import Facts, Files, target_text
    from ..simulator.constants import Axis, Kernel, LoadConstants
    from ..simulator.target_reading import read_target

    if output != "-":
        Path(output).open("a", encoding="utf-8").close()  # a place that cannot be written is told before a minute of measuring
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        measured = measure(progress=lambda name, done, of: progress(f"measuring {name} ({done + 1} of {of})"))
        call, launch, looked_up = call_seconds(), launch_seconds(), lookup()
        used = torch.get_num_threads()
        progress("measuring loads of files")
        loads = measure_loads(Path.cwd() if output == "-" else Path(output).parent)
    finally:
        torch.set_num_threads(before)
    kernels = []
    for one in measured:
        axes = tuple(Axis(name, tuple(sizes)) for name, sizes in one.axes.items())
        kernels.append(Kernel(one.op, axes, tuple(1e6 * time for time in one.seconds), one.dtype, one.cold))
    kernels.append(Kernel("lookup", (Axis("elements", (1, 16, 128)),), tuple(1e6 * time for time in looked_up)))
    constants = LoadConstants(loads.mapped, loads.hashed, loads.dropped, loads.request, loads.past)
    files = Files(loads.size, loads.cold, loads.latency, constants)
    found = Facts(facts.title(), facts.clock(), used, facts.caches(), facts.memory(), call, launch, files)
    text = target_text(found, kernels)
    if output == "-":
        click.echo(text, nl=False)
        return
    Path(output).write_text(text, encoding="utf-8")
    target = read_target(text, output)
    rates = [(f"products in {dtype}", f"{2e-9 * target.peak_macs(dtype):,.1f} GFLOP/s") for dtype in target.matrix.macs]
    rates += [(level.name, f"{level.bandwidth / 1e9:,.1f} GB/s") for level in target.memory]
    rates += [("one launch", f"{target.launch.host * 1e6:.2f} us"), ("one call of a module", f"{call * 1e6:.1f} us")]
    rates += [("files mapped, hashed", f"{loads.mapped / 1e9:,.1f} GB/s, {loads.hashed / 1e9:,.1f} GB/s")]
    table(("of this machine", f"with {used} thread{'s' if used > 1 else ''}"), rates)
    progress(f"wrote {output}; `chunkc validate SPEC --target {output}` compares it with what runs")


MIXTURE = """
model mixture(experts: int = 4) {
  input x: f32[B, T, 8]
  chunk expert[experts](h) { h |> linear(32) |> gelu |> linear(8) }
  router gate { score = x |> linear(experts)  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""


def launch_seconds() -> float:
    """What one kernel takes in emitted code that has next to nothing to compute: more experts, by the launches that are
    counted for them."""
    import torch

    from .. import api
    from ..backends.torch.measuring.timing import seconds_of
    from ..compiler.calls import enter_calls, node_calls
    from ..compiler.ir import Graph
    from ..grammar.elaborate import loads

    def launches(graph: Graph) -> float:
        dims, (apply,) = {"B": 1, "T": 1}, [node for node in graph.nodes if node.op == "apply"]
        inside = [*enter_calls(apply), *(call for node in apply.attrs["body"].nodes for call in node_calls(node, dims))]
        outside = [call for node in graph.nodes for call in node_calls(node, dims)]
        return sum(call.launches for call in (*outside, *(inside * len(apply.attrs["members"]))))

    found, x = [], torch.zeros(1, 1, 8)
    for experts in (4, 20):
        graph = api.optimize(loads(MIXTURE, experts=experts), ["choose-kernels(force=dense)"])
        module = api.compile_graphs(graph, graph).eval()
        with torch.no_grad():
            found.append((launches(graph), seconds_of([lambda module=module: module(x)], budget=0.5)))  # type: ignore[misc]
    (few, short), (many, long) = found
    return max(0.0, (long - short) / (many - few))


CACHED = """
model cached {
  input x: f32[B, 512]
  param w: f32[64, 512]
  mask live {
    score = importance(x, w, hidden=4)
    grain = neuron
    keep = above(0.5)
    cache = fingerprint(bits=16, entries=4096)
  }
  output y = x |> linear(w, mask=live)
}
"""


def lookup(rows: tuple[int, ...] = (1, 16, 128)) -> tuple[float, ...]:
    """Seconds of looking so many rows up in a cache that holds them."""
    import statistics

    import torch

    from .. import api
    from ..grammar.elaborate import loads

    graph = api.optimize(loads(CACHED))
    module = api.compile_graphs(graph, graph).eval()
    found = []
    with torch.no_grad():
        for count in rows:
            x, samples = torch.randn(count, 512), []
            for _ in range(20):
                log = module.log_steps(x)
                samples += [spent for entry, spent in zip(log.entries, log.seconds) if entry.kind == "probe"]
            found.append(statistics.median(samples))
    return tuple(found)


def call_seconds() -> float:
    """What calling a module takes besides its kernels: a model of one op, less that op."""
    import torch

    from .. import api
    from ..backends.torch.measuring.timing import seconds_of
    from ..grammar.elaborate import loads

    graph = loads(NOTHING)
    module = api.compile_graphs(graph, graph).eval()
    x = torch.zeros(1, 8)
    with torch.no_grad():
        whole = seconds_of([lambda: module(x)], budget=0.2)
        op = seconds_of([lambda: torch.relu(x)], budget=0.2)
    return max(whole - op, 0.0)
