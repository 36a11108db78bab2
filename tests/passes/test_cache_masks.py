"""`cache-masks` by a profile: where what repeats would cost more to compute than to look up."""

from __future__ import annotations

import pytest

from chunkc.compiler.cost import CPU, Roofline
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Graph, Node
from chunkc.compiler.profile import Activity, Profile, fingerprint
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline
from chunkc.passes.cache_masks import CacheMasks

SPEC = """model m(wide: int = 4096) {
  input x: f32[B, 64]
  chunk part[2](h) { h |> linear(64) }
  router gate { score = x |> linear(wide) |> gelu |> linear(2)  keep = top(1) }
  fuse y = weighted_sum(part(x), by=gate)
  output y
}
"""


def profiled(graph: Graph, repeats: int | None) -> Profile:
    seen = Activity(2, 1000, (500, 500), (0.5, 0.5), repeats=repeats)
    return Profile("m", fingerprint(graph), 10, selections={"gate": seen})


def cached(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.attrs.get("word") == "cached"]


CASES = [(4096, 500, True), (4096, 50, False), (8, 990, False), (4096, None, False)]


@pytest.mark.parametrize(("wide", "repeats", "fires"), CASES)
def test_it_fires_where_repeats_pay(wide: int, repeats: int | None, fires: bool) -> None:
    graph = loads(SPEC, wide=wide)
    found = cached(pipeline.run(graph, [CacheMasks(profile=profiled(graph, repeats), entries=77)]))
    assert bool(found) == fires
    assert not fires or (found[0].attrs["entries"] == 77 and "bits" not in found[0].attrs)


def test_a_profile_of_another_model_is_refused() -> None:
    profile = profiled(loads(SPEC, wide=8), 500)
    with pytest.raises(CompileError):
        CacheMasks(profile=profile).apply(loads(SPEC))


@pytest.mark.parametrize("wide, slower, fires", [(4096, 1, True), (64, 1, False), (4096, 1e-3, False)])
def test_with_sizes_a_whole_call_is_weighed(wide: int, slower: float, fires: bool) -> None:
    """Computing all rows against looking all up and computing half of them, on machines of other rates, that launch as fast."""
    graph, model = (
        loads(SPEC, wide=wide),
        Roofline(CPU.macs_per_s / slower, CPU.bytes_per_s / slower, CPU.launch_s, overlaps=False),
    )
    one = CacheMasks(profile=profiled(graph, 500), dims="B=512", model=model)
    assert bool(cached(one.apply(graph))) == fires


def test_a_row_is_not_looked_up_where_a_call_has_few() -> None:
    """Of one row the launches of looking up cost more than a small product."""
    graph = loads(SPEC, wide=512)
    fires = {rows: bool(cached(CacheMasks(profile=profiled(graph, 900), dims=f"B={rows}").apply(graph))) for rows in (1, 512)}
    assert fires == {1: False, 512: True}
