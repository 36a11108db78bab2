"""A processor's machine: grids between and beyond their points, kernels that were measured, rates where none was."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.cost import Cost
from chunkc.compiler.shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort
from chunkc.simulator.calibration import Facts, Files, best_products, target_text
from chunkc.simulator.constants import Axis, Kernel, LoadConstants
from chunkc.simulator.cpu import CpuMachine
from chunkc.simulator.cpu.grids import Grid
from chunkc.simulator.target_reading import load_target, read_target

GRID = {"m": (1, 4, 16), "n": (8, 64), "k": (8, 32, 128)}


def kernel(op: str, axes: dict[str, tuple[int, ...]], time: Any, dtype: str = "f32", cold: bool = False) -> Kernel:
    times = tuple(float(time(*point)) for point in itertools.product(*axes.values()))
    return Kernel(op, tuple(Axis(name, sizes) for name, sizes in axes.items()), times, dtype, cold)


KERNELS = (
    kernel("linear", GRID, lambda m, n, k: 3 + 0.01 * m * n * k / 100 + 0.001 * n * k),
    kernel("linear", GRID, lambda m, n, k: 3 + 0.01 * m * n * k / 100 + 0.004 * n * k, cold=True),
    kernel("add", {"elements": (64, 4096)}, lambda n: 1 + n / 1000),
    kernel("mul", {"elements": (64, 4096)}, lambda n: 1 + n / 1000),
    kernel("copy", {"elements": (64, 1 << 22)}, lambda n: 1 + n / 4000),
    kernel("sum", {"rows": (1, 64), "length": (4, 64)}, lambda r, n: 2 + r * n / 900),
    kernel("attention", {"heads": (1, 8), "queries": (1, 64), "keys": (8, 64), "width": (16, 64)}, lambda *s: 4 + sum(s)),
    kernel("gather", {"rows": (1, 64), "bytes": (4, 256)}, lambda r, b: 2 + r * b / 9000, dtype=""),
    kernel("scatter", {"rows": (1, 64), "bytes": (4, 256)}, lambda r, b: 3 + r * b / 9000, dtype=""),
    kernel("sort", {"rows": (1, 64), "length": (4, 64)}, lambda r, n: 5 + r * n / 100, dtype=""),
)
FACTS = Facts('a "small" one', 2e9, 1, (("l1", 32 * 1024), ("l2", 1 << 20)), 8 * 2.0**30, 10e-6, 2e-6)


def machine(model: float = 0.0) -> CpuMachine:
    return CpuMachine(read_target(target_text(FACTS, KERNELS), "here.toml"), model)


@given(st.integers(1, 16), st.integers(8, 64), st.integers(8, 128))
def test_a_multilinear_time_is_met_exactly(m: int, n: int, k: int) -> None:
    made = Grid.of(kernel("linear", GRID, lambda m, n, k: 1 + m + 2 * n * k + 0.5 * m * n * k))
    assert made.at(m, n, k) == pytest.approx(1e-6 * (1 + m + 2 * n * k + 0.5 * m * n * k))


@given(st.floats(1, 1e6), st.floats(8, 1e6), st.floats(8, 1e6), st.floats(1, 10))
def test_a_larger_size_is_never_faster(m: float, n: float, k: float, more: float) -> None:
    made = Grid.of(KERNELS[0])
    at = made.at(m, n, k)
    assert min(made.at(m * more, n, k), made.at(m, n * more, k), made.at(m, n, k * more)) >= at * (1 - 1e-12)


def test_beyond_the_grid_the_rate_stands_still_and_below_it_the_time() -> None:
    made = Grid.of(KERNELS[0])
    assert made.at(160, 64, 128) == pytest.approx(10 * made.at(16, 64, 128))
    assert made.at(0, 1, 1) == made.at(1, 8, 8)


def test_numbers_that_do_not_fill_a_grid_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 times for 2 points"):
        Grid.of(Kernel("add", (Axis("elements", (1, 2)),), (1.0, 2.0, 3.0)))


def test_what_was_measured_is_what_a_call_takes() -> None:
    found = machine().time(Cost(4 * 8 * 32, 0, 1, Product(4, 8, 32)))
    assert found.seconds == pytest.approx(KERNELS[0].microseconds[7] * 1e-6, rel=1e-3)


def test_weights_of_a_model_beyond_the_cache_are_cold() -> None:
    call = Cost(4 * 64 * 128, 4 * 64 * 128, 1, Product(4, 64, 128))
    warm, cold = machine(1 << 19).time(call), machine(1 << 22).time(call)
    assert cold.seconds > warm.seconds


CALLS = (
    Cost(9, 80, 1, Grouped((3.0, 0.0, 5.0), 8, 32)),
    Cost(9, 80, 1, Product(3, 8, 8, batch=4)),
    Cost(9, 80, 1, Product(3, 8, 72, window=9)),
    Cost(9, 80, 1, Attention(1, 4, 4, 32, 32, 16, 16)),
    Cost(0, 80, 1, Pointwise("add", 100, 800)),
    Cost(0, 80, 1, Pointwise("never heard of", 100, 800)),
    Cost(0, 80, 1, Reduction("mean", 4, 16, 300)),
    Cost(0, 80, 1, Gather(10, 64)),
    Cost(0, 80, 1, Gather(10, 64, True)),
    Cost(0, 80, 1, Sort(4, 16)),
    Cost(10, 80, 3),
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call.shape).__name__)
@pytest.mark.parametrize("of", ["measured", "cpu-generic"])
def test_every_call_has_a_price(call: Cost, of: str) -> None:
    made = machine() if of == "measured" else CpuMachine(load_target(of))
    found = made.time(call)
    assert found.seconds > 0 and found.seconds >= max(found.compute, found.memory)
    assert found.macs == call.macs and sum(found.bytes.values()) == call.bytes
    assert made.time(call) is found


@given(st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 4096))
def test_rates_bound_what_was_not_measured(m: int, n: int, k: int) -> None:
    target = load_target("cpu-generic")
    moved = 4.0 * (m * k + n * k + m * n)
    seconds = CpuMachine(target).time(Cost(m * n * k, moved, 1, Product(m, n, k))).seconds
    assert seconds >= m * n * k / target.peak_macs("f32") and seconds >= moved / target.memory[1].bandwidth


def test_the_file_of_a_machine_says_its_best_rates() -> None:
    target = machine().target
    assert target.peak_macs("f32") == pytest.approx(best_products(KERNELS)["f32"], rel=1e-3)
    assert [level.name for level in target.memory] == ["l1", "l2", "dram"] and target.title == FACTS.title
    assert target.cpu is not None and len(target.cpu.kernels) == len(KERNELS) and target.cpu.call == pytest.approx(10e-6)


def test_loads_of_files_stand_in_the_target_as_they_were_measured() -> None:
    files = Files(1e12, 2e9, 3e-4, LoadConstants(1.5e10, 1.25e9, 4e10, 5e-5))
    target = read_target(target_text(attrs.evolve(FACTS, files=files), KERNELS), "here.toml")
    (link,) = target.route("storage", "device")
    assert target.loading == files.constants and (link.bandwidth, link.latency) == (2e9, 3e-4)
    assert target.level("storage").size == 1e12 and target.device_memory.name == "dram"
    assert "measured by `chunkc calibrate`" in target.notes["loading.mapped"].source
