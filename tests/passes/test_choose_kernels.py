"""Kernels chosen, forced and refused, and what backends make of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import chunkc
from chunkc.compiler.bodies import body_order
from chunkc.compiler.cost import Cost, Roofline
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.equality import difference
from chunkc.compiler.ir import Graph, rebuild
from chunkc.compiler.planning import lower
from chunkc.compiler.profile import Activity, Profile, fingerprint
from chunkc.compiler.verify import VerifyError, verify
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph
from chunkc.passes import pipeline
from chunkc.passes.choose_kernels import ChooseKernels
from chunkc.passes.kernel_costs import expected

SPECS = Path(__file__).resolve().parents[2] / "specs"


def kernels(graph: Graph) -> list[str]:
    """All kernels that a graph names, in order, bodies first."""
    return [str(n.attrs["kernel"]) for one in (*body_order(graph), graph) for n in one.nodes if "kernel" in n.attrs]


def spec(name: str, training: bool = False, **params: object) -> Graph:
    return chunkc.load(SPECS / f"{name}.cc", training=training, **params)


def steps(graph: Graph) -> list[str]:
    return [step.kind for step in lower(graph).block.steps]


def test_a_large_mixture_gathers_and_a_small_one_does_not() -> None:
    choose = ChooseKernels(dims="B=8,T=64")
    assert kernels(choose.apply(spec("moe"))) == ["gather"]
    assert kernels(ChooseKernels(dims="B=1,T=2").apply(spec("moe", d=4, experts=2, k=1))) == ["dense"]
    assert kernels(ChooseKernels(dims="B=1,T=2", shares="gate=1").apply(spec("moe", d=4, experts=4))) == ["dense"]


def test_a_machine_in_three_numbers() -> None:
    for launch, kernel in ((1e-9, "gather"), (1.0, "dense")):
        passes = [f"choose-kernels(dims='B=1,T=64', machine='5e10,2e10,{launch}')"]
        assert kernels(pipeline.run(spec("moe", d=64, experts=2, k=1), passes)) == [kernel]


def test_a_profile_says_what_is_kept() -> None:
    graph = spec("active_layers", d=64, layers=2)
    graph = replace(graph, memory=type(graph.memory)())
    choose = ChooseKernels(dims="B=64,T=16", model=Roofline(1e9, 1e9, 5e-4))
    for kept, kernel in ((0, "gather"), (640, "dense")):
        activity = Activity(1, 640, (kept,), (kept / 640,))
        profile = Profile(graph.name, fingerprint(graph), 10, selections={f"live.{i}": activity for i in range(2)})
        assert kernels(replace(choose, profile=profile).apply(graph)) == [kernel] * 2
    with pytest.raises(CompileError, match="CC0902"):
        replace(choose, profile=profile).apply(spec("moe"))


def test_a_dense_fuse_has_no_dispatch_and_a_gathered_one_has() -> None:
    graph = spec("moe", d=4, experts=4)
    dense, gather = (ChooseKernels(force=kernel).apply(graph) for kernel in ("dense", "gather"))
    assert "dispatch" in steps(graph) and "dispatch" in steps(gather) and "dispatch" not in steps(dense)
    assert difference(graph, gather) is not None and difference(graph, loads(print_graph(graph))) is None
    assert difference(gather, loads(print_graph(gather))) is None


def test_ways_asked_one_after_the_other() -> None:
    graph = replace(graph := spec("early_exit", d=8, layers=3), outputs=graph.outputs[:1])
    assert kernels(ChooseKernels(force="gather").apply(graph)) == ["gather"]
    assert "dispatch" not in steps(ChooseKernels(force="dense").apply(graph))


def test_nothing_is_chosen_without_sizes_or_in_training() -> None:
    for graph in (spec("moe"), spec("dynamic_sparsity")):
        assert ChooseKernels().apply(graph) is graph
        assert kernels(ChooseKernels(dims="T=4").apply(graph)) == []
    assert kernels(ChooseKernels(dims="B=8,T=64").apply(spec("moe", training=True))) == []


def test_calls_among_kept_positions_are_packed_where_that_pays() -> None:
    """On a core, as measured; where launches are dear beside the work, all positions are computed."""
    graph = spec("mixture_of_depths", d=256, layers=1)
    assert kernels(ChooseKernels(dims="B=8,T=128").apply(graph))[0] == "gather"
    eager = Roofline(1e14, 1e13, 1e-5)
    assert kernels(ChooseKernels(dims="B=8,T=128", model=eager).apply(graph))[0] == "dense"


def test_a_budget_of_memory_never_loads_what_is_not_kept() -> None:
    slow = Roofline(1e12, 1e12, 1.0)
    graph = spec("active_layers", d=8, layers=2)
    assert kernels(ChooseKernels(dims="B=2,T=4", model=slow).apply(graph)) == ["gather", "gather"]
    assert kernels(ChooseKernels(dims="B=2,T=4", model=slow).apply(replace(graph, memory=type(graph.memory)()))) == ["dense"] * 2


def test_masks_trained_straight_through_stay_dense() -> None:
    for kernel, eval_too in (("gather", ["gather"]), ("union", ["union"]), ("dense", ["dense"]), ("blocks", [])):
        assert kernels(ChooseKernels(force=kernel).apply(spec("dynamic_sparsity", d=8))) == eval_too
        in_training = kernels(ChooseKernels(force=kernel).apply(spec("dynamic_sparsity", d=8, training=True)))
        assert in_training == (["dense"] if kernel == "dense" else [])


def test_masks_choose_by_how_much_is_kept() -> None:
    graph = spec("topk_neurons", d=512)
    one, many = (ChooseKernels(dims=dims).apply(graph) for dims in ("B=1,T=1", "B=8,T=512"))
    assert kernels(one) == ["union"] and kernels(many) == ["dense"]


def test_a_choice_is_made_again_and_stays() -> None:
    choose = ChooseKernels(dims="B=8,T=64")
    once = choose.apply(spec("deepseek_moe", d=64, ffn=32))
    assert difference(once, choose.apply(once)) is None
    dense = ChooseKernels(force="dense").apply(once)
    assert kernels(dense) == ["dense"] == kernels(ChooseKernels().apply(dense))
    assert kernels(ChooseKernels(force="gather").apply(dense)) == ["gather"]


UNREADABLE = ["force=fast", "dims=B", "dims='B=x'", "dims='B=1,B=2'", "shares='g=2'", "machine='1,2'", "machine=x"]


@pytest.mark.parametrize("options", UNREADABLE)
def test_options_that_cannot_be_read(options: str) -> None:
    with pytest.raises(CompileError, match="CC0714.*choose-kernels"):
        pipeline.run(spec("moe"), [f"choose-kernels({options})"])


WRONG = [("moe", "fuse", "blocks"), ("moe", "select", "dense"), ("dynamic_sparsity", "select", "blocks")]


@pytest.mark.parametrize("name, op, kernel", WRONG)
def test_a_kernel_that_is_none_is_refused(name: str, op: str, kernel: str) -> None:
    def put(node):  # type: ignore[no-untyped-def]
        return replace(node, attrs=node.attrs.but(kernel=kernel)) if node.op == op else None

    with pytest.raises(VerifyError, match="is no kernel of this"):
        verify(rebuild(spec(name, d=8), put))


def test_what_rules_are_expected_to_keep() -> None:
    def share(keep: str) -> float:
        text = f"model m() {{\n input x: f32[B, 8]\n chunk e[8](h) {{ h }}\n router g {{ score = x  keep = {keep} }}\n"
        graph = loads(text + " fuse y = sum(e(x), by=g)\n output y\n}")
        return expected(next(node for node in graph.nodes if node.op == "select"), {"B": 16})

    assert share("top(2)") == share("top(25%)") == 0.25
    assert share("top(4) |> first(1)") == 0.125
    assert share("above(0.1)") == 0.5 and share("all") == 1
    assert share("top(4, over=[B])") == 0.25
    assert share("above(0.1) |> above(0.2)") == 0.25


def test_a_roofline_is_as_slow_as_its_slower_side() -> None:
    model = Roofline(macs_per_s=100.0, bytes_per_s=10.0, launch_s=0.5)
    assert model.price([Cost(200, 1)]).seconds == 2.5
    assert model.price([Cost(200, 40, 2), Cost(0, 5)]).seconds == 4 + 1 + 0.5 + 0.5
