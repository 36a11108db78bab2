"""The simulator as the model that passes choose by: on a machine of a few numbers, since what is tested is how it is asked."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chunkc
from chunkc.compiler.bodies import body_order
from chunkc.compiler.cost import Cost, Price
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Graph
from chunkc.compiler.shapes import Grouped, Transfer
from chunkc.passes.choose_kernels import ChooseKernels, with_marks
from chunkc.passes.kernel_costs import Estimate
from chunkc.simulator.machine import Timing
from chunkc.simulator.model import SimulatedCost, model_of
from chunkc.simulator.target import Target
from chunkc.simulator.target_reading import load_target


class Plain:
    """A machine as fast as the numbers of its target say, each launch as slow."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.asked: list[Cost] = []

    def time(self, call: Cost) -> Timing:
        self.asked.append(call)
        dtype = getattr(call.shape, "dtype", "f32")
        compute = call.macs / self.target.peak_macs(dtype if dtype in self.target.matrix.macs else "f32")
        memory = call.bytes / self.target.device_memory.bandwidth
        launch = self.target.launch.device
        level: Mapping[str, float] = {self.target.device_memory.name: call.bytes}
        seconds = max(compute, memory) + launch
        return Timing(seconds, compute, memory, launch, self.target.launch.host, call.macs, 2 * call.macs, level, 0.0, "memory")


def plain(name: str, dtype: str = "f32", **launch: float) -> SimulatedCost:
    target = load_target(name)
    return SimulatedCost(Plain(attrs.evolve(target, launch=attrs.evolve(target.launch, **launch))), dtype)


def kernels(graph: Graph) -> list[str]:
    return [str(n.attrs["kernel"]) for one in (*body_order(graph), graph) for n in one.nodes if "kernel" in n.attrs]


@pytest.fixture
def moe(root) -> Graph:
    return chunkc.optimize(chunkc.load(root / "specs" / "moe.cc", d=256, experts=8), ["group-chunks"])


def test_launches_run_ahead_on_a_gpu_and_not_on_a_processor() -> None:
    calls = [Cost(0, 1e6, 1), Cost(0, 0, 4)]
    gpu, cpu = plain("h200", host=1.0, device=0.0), plain("cpu-generic", host=1.0, device=0.0)
    moved = 1e6 / gpu.machine.target.device_memory.bandwidth
    price = gpu.price(calls)
    assert (price.device, price.host, price.seconds) == (moved, 5.0, 5.0)
    assert cpu.price(calls).host == 0 and cpu.price(calls).seconds > 5.0


def test_no_call_begins_before_it_is_launched() -> None:
    gpu = plain("h200", host=1.0, device=0.0)
    small, large = Cost(0, 0, 1), Cost(0, 4.0 * gpu.machine.target.device_memory.bandwidth, 1)
    assert gpu.price([large, small, small]).seconds == 1 + 4.0
    assert gpu.price([small, small, large]).seconds == 3 + 4.0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=9), st.integers(0, 6))
def test_prices_in_a_row_are_the_run(calls: list[tuple[int, int, bool]], times: int) -> None:
    """Against following both the thread and the device, call by call."""
    prices = [Price(s, h + s, h + s, s) if waits else Price(s, h, h + s) for h, s, waits in calls]
    total, host, device = sum(prices, Price()).times(times), 0.0, 0.0
    for h, s, waits in calls * times:
        host += h
        device = max(device, host) + s
        host = device if waits else host
    assert total.seconds == max(host, device)


def test_what_is_copied_to_the_host_is_waited_for() -> None:
    copied = Cost(0, 1e9, 1, Transfer(1e9, "device", "host"))
    gpu = plain("h200", host=0.0, device=0.0)
    price = gpu.price([copied])
    assert price.host == price.device > 0 and price.seconds == price.device


def test_the_crossover_moves_with_the_machine(root) -> None:
    """Where a launch is dear beside the work, more tokens are computed densely before it pays to leave out what is dropped."""
    graph = chunkc.load(root / "specs" / "moe.cc", d=256, experts=2, k=1)

    def dense(name: str) -> int:
        model, sizes = plain(name), (16, 64, 256, 1024, 4096, 16384)
        chosen = [kernels(ChooseKernels(dims=f"B=1,T={size}", model=model).apply(graph))[0] for size in sizes]
        assert chosen == sorted(chosen) and set(chosen) == {"dense", "gather"}
        return chosen.count("dense")

    assert dense("cpu-generic") < dense("a100") < dense("h200")


@pytest.mark.parametrize("target", ["h200", "cpu-generic", "edge-npu-32x32"])
def test_what_is_chosen_is_the_least_of_the_simulated_times(moe: Graph, target: str) -> None:
    model = model_of(target)
    for tokens in (1, 32, 4096):
        estimate = Estimate(model, {})
        choose = ChooseKernels(dims=f"B=1,T={tokens}", model=model)
        (kernel,) = kernels(choose.apply(moe))
        estimate.choices(with_marks(moe, {}), {"B": 1, "T": tokens})
        (prices,) = estimate.found.values()
        assert prices[kernel].seconds == min(price.seconds for price in prices.values())


def test_grouped_products_are_one_kernel_in_bf16_on_a_gpu(moe: Graph) -> None:
    for dtype, one in (("bf16", True), ("f32", False)):
        model = plain("h200", dtype)
        ChooseKernels(dims="B=1,T=64", model=model).apply(moe)
        asked = model.machine.asked  # type: ignore[attr-defined]
        assert any(isinstance(call.shape, Grouped) for call in asked) == one


def test_what_a_target_cannot_run_is_told() -> None:
    with pytest.raises(CompileError, match="CC1305"):
        model_of("h200", "i64")
    with pytest.raises(CompileError, match="CC0721"):
        chunkc.compile("moe.cc", target="h2000")
