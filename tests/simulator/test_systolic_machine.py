"""Calls on systolic targets: never faster than the roofline, never slower with more of anything, and all work accounted."""

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chunkc.compiler.cost import Cost
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort, Transfer
from chunkc.simulator.systolic.closed import compute_cycles
from chunkc.simulator.systolic.machine import SystolicMachine
from chunkc.simulator.target_reading import load_target

TARGETS = ("tpu-v4-like", "edge-npu-32x32")
SIZES = st.integers(1, 3000)
DTYPES = st.sampled_from(("f32", "bf16", "i8"))
BYTES = {"f32": 4, "bf16": 2, "i8": 1}
NEAR = 1 + 1e-9


def product(m, n, k, batch=1, dtype="bf16"):
    moved = batch * (m * k + k * n + m * n) * BYTES[dtype]
    return Cost(batch * m * n * k, moved, 1, Product(m, n, k, batch, dtype))


def with_level(target, name, **changes):
    memory = tuple(attrs.evolve(level, **changes) if level.name == name else level for level in target.memory)
    return attrs.evolve(target, memory=memory)


@pytest.mark.parametrize("name", TARGETS)
@given(m=SIZES, n=SIZES, k=SIZES, batch=st.integers(1, 20), dtype=DTYPES)
def test_a_product_is_never_faster_than_the_roofline(name, m, n, k, batch, dtype):
    target = load_target(name)
    call = product(m, n, k, batch, dtype)
    timing = SystolicMachine(target).time(call)
    assert timing.seconds * NEAR >= call.macs / target.peak_macs(dtype)
    assert timing.seconds * NEAR >= call.bytes / target.device_memory.bandwidth
    assert timing.macs == call.macs and timing.bytes["dram"] * NEAR >= call.bytes
    assert timing.bytes["sram"] >= timing.bytes["dram"]
    assert timing.seconds * NEAR >= max(timing.compute, timing.memory)
    assert timing.joules * NEAR >= call.macs * target.energy.mac[dtype]


@pytest.mark.parametrize("name", TARGETS)
@given(m=SIZES, n=SIZES, k=SIZES, batch=st.integers(1, 9), more=st.floats(1, 16), what=st.sampled_from(("rate", "sram", "units")))
def test_more_of_anything_is_never_slower(name, m, n, k, batch, more, what):
    target = load_target(name)
    if what == "rate":
        grown = with_level(target, "dram", bandwidth=target.device_memory.bandwidth * more)
    elif what == "sram":
        grown = with_level(target, "sram", size=target.level("sram").size * more)
    else:
        grown = attrs.evolve(target, matrix=attrs.evolve(target.matrix, units=2 * target.matrix.units))
    call = product(m, n, k, batch)
    # Twice the arrays may be split so that waves are broader, and the first one takes as much longer to come.
    slack = 1.002 if what == "units" else NEAR
    assert SystolicMachine(grown).time(call).seconds <= SystolicMachine(target).time(call).seconds * slack


def test_one_array_with_a_fast_memory_takes_the_closed_form():
    target = with_level(load_target("edge-npu-32x32"), "dram", bandwidth=1e15, latency=0.0)
    target = with_level(target, "sram", bandwidth=1e15)
    timing = SystolicMachine(target).time(product(100, 200, 300))
    cycles = compute_cycles("os", 100, 200, 300, 32, 32)
    assert timing.compute * target.clock == pytest.approx(cycles)
    assert timing.cycles(target) == pytest.approx(cycles + target.launch.device * target.clock, rel=1e-3)
    assert timing.bound == "compute"


def test_passes_of_a_wide_dtype_take_as_much_longer():
    machine = SystolicMachine(load_target("edge-npu-32x32"))
    narrow, wide = (machine.time(product(2048, 2048, 2048, dtype=dtype)) for dtype in ("bf16", "f32"))
    assert wide.compute == pytest.approx(4 * narrow.compute)


def test_of_a_grouped_product_each_way_brings_its_weights():
    machine = SystolicMachine(load_target("tpu-v4-like"))

    def grouped(*loads):
        rows, hit = sum(loads), sum(load > 0 for load in loads)
        return machine.time(Cost(rows * 2048 * 768, 2 * (rows * 2816 + hit * 2048 * 768), 1, Grouped(loads, 2048, 768, "bf16")))

    few, many = grouped(*[64] * 8, *[0] * 120), grouped(*[4] * 128)
    assert many.bytes["dram"] > 10 * few.bytes["dram"] and many.seconds > 5 * few.seconds
    alone = machine.time(product(64, 2048, 768))
    assert few.compute == pytest.approx(8 * alone.compute)
    assert machine.time(Cost(0, 0, 1, Grouped((0, 0), 4, 4))).compute == 0


def attention(queries, keys, causal=False, kept=1.0):
    shape = Attention(2, 16, 4, queries, keys, 128, 128, causal, kept, dtype="bf16")
    moved = 2 * 2 * 128 * (2 * 16 * queries + 2 * 4 * keys * (kept if queries == 1 else 1))
    return Cost(2 * 16 * queries * keys * 256, moved, 1, shape)


@pytest.mark.parametrize("name", TARGETS)
def test_attention_takes_the_pairs_that_are_computed(name):
    machine = SystolicMachine(load_target(name))
    full, causal, sparse = (machine.time(attention(1024, 1024, *how)) for how in ((), (True,), (False, 0.25)))
    assert causal.macs == pytest.approx(full.macs / 2, rel=0.01) and sparse.macs == pytest.approx(full.macs / 4)
    assert sparse.seconds < causal.seconds < full.seconds
    decode, pruned = machine.time(attention(1, 8192)), machine.time(attention(1, 8192, False, 0.25))
    assert pruned.bytes["dram"] < 0.3 * decode.bytes["dram"]


def test_what_is_not_a_product_is_moved_or_computed():
    target = load_target("tpu-v4-like")
    machine = SystolicMachine(target)
    elements = 2**24
    add = machine.time(Cost(0, 12 * elements, 1, Pointwise("add", elements, 12 * elements)))
    gelu = machine.time(Cost(0, 8 * elements, 1, Pointwise("gelu", elements, 8 * elements)))
    assert add.memory == pytest.approx(12 * elements / target.device_memory.bandwidth, rel=1e-2) and add.bound == "memory"
    assert gelu.compute > add.compute
    softmax = machine.time(Cost(0, 8 * elements, 1, Reduction("softmax", 4096, 4096, 8 * elements)))
    assert softmax.flops == 5 * elements
    rows = machine.time(Cost(0, 1000 * 80, 1, Gather(1000, 4)))
    assert rows.bytes["dram"] == 1000 * (2 * 64 + 8)
    assert machine.time(Cost(0, 0, 1, Sort(8, 1))).compute == 0 < machine.time(Cost(0, 96, 1, Sort(8, 1000))).compute
    nothing = machine.time(Cost(1e9, 1e6, 2))
    assert nothing.launch == 2 * target.launch.device and nothing.seconds > 1e9 / target.peak_macs("bf16")


def test_transfers_take_the_path_of_links():
    tpu, edge = (SystolicMachine(load_target(name)) for name in TARGETS)

    def seconds(machine, bytes, source, destination):
        return machine.time(Cost(0, bytes, 1, Transfer(bytes, source, destination))).seconds

    assert seconds(tpu, 125e6, "host", "device") == pytest.approx(0.01 + 10e-6)
    assert seconds(tpu, 35e6, "storage", "device") == pytest.approx(0.01 + 90e-6)
    assert seconds(edge, 3e6, "storage", "host") == pytest.approx(0.01 + 200e-6)
    with pytest.raises(CompileError, match="lead from `device` to `storage`"):
        seconds(edge, 3e6, "device", "storage")


def test_ways_of_many_inputs_are_priced_at_once():
    machine = SystolicMachine(load_target("tpu-v4-like"))
    loads = np.random.default_rng(0).poisson(3, (5, 16))
    many = machine.time_grouped(loads, 768, 512, "bf16")
    for i, row in enumerate(loads):
        rows, hit = int(row.sum()), int((row > 0).sum())
        moved = 2 * (rows * (768 + 512) + hit * 768 * 512)
        one = machine.time(Cost(rows * 768 * 512, moved, 1, Grouped(tuple(map(int, row)), 768, 512, "bf16")))
        assert many.seconds[i] == pytest.approx(one.seconds) and many.joules[i] == pytest.approx(one.joules)
        assert many.bytes["dram"][i] == pytest.approx(one.bytes["dram"])


@settings(max_examples=10)
@given(m=st.floats(0, 50), n=SIZES)
def test_expected_sizes_may_be_fractions(m, n):
    timing = SystolicMachine(load_target("edge-npu-32x32")).time(Cost(m * n * 64, 0, 1, Product(m, n, 64)))
    assert timing.seconds >= 0 and (timing.compute > 0) == (m > 0)


def test_prices_are_remembered():
    machine = SystolicMachine(load_target("tpu-v4-like"))
    assert machine.time(product(7, 8, 9)) is machine.time(product(7, 8, 9))
