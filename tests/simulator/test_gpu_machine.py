"""A GPU as a machine: no call beats the datasheet, more work takes no less time, and a call is priced once."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chunkc.compiler.cost import Cost
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.shapes import Attention, Gather, Pointwise, Product, Reduction, Sort, Transfer
from chunkc.simulator.gpu.machine import GpuMachine
from chunkc.simulator.model import machine_of
from chunkc.simulator.target import Target
from chunkc.simulator.target_reading import load_target, shipped

GPUS = [name for name in shipped() if load_target(name).kind == "gpu"]
MACHINES = {name: GpuMachine(load_target(name)) for name in GPUS}

machines = st.sampled_from(GPUS).map(MACHINES.__getitem__)
counts = st.integers(1, 20_000_000)
quick = settings(max_examples=60, deadline=None)


def pointwise(op: str, elements: float) -> Cost:
    return Cost(0, 8 * elements, 1, Pointwise(op, elements, 8 * elements))


def reduction(op: str, rows: float, length: float) -> Cost:
    return Cost(0, 8 * rows * length, 1, Reduction(op, rows, length, 8 * rows * length))


def attention(batch: float, length: float, kept: float = 1, block: tuple[int, int] | None = None) -> Cost:
    shape = Attention(batch, 8, 2, length, length, 128, 128, True, kept, block, "bf16")
    return Cost(batch * 8 * length * length * 256, batch * length * 2 * 128 * 2 * 10, 1, shape)


def faster(target: Target, times: float) -> Target:
    """The same device with more bandwidth at every level of memory, and more units."""
    memory = tuple(attrs.evolve(level, bandwidth=level.bandwidth * times) for level in target.memory)
    units = int(target.matrix.units * times)
    return attrs.evolve(
        target, memory=memory, matrix=attrs.evolve(target.matrix, units=units), vector=attrs.evolve(target.vector, units=units)
    )


@pytest.mark.parametrize("name", GPUS)
def test_the_machine_of_a_gpu_is_this_one(name):
    assert isinstance(machine_of(load_target(name)), GpuMachine)


@given(machines, st.sampled_from(["add", "exp", "gelu", "cast"]), counts, counts)
@quick
def test_pointwise(machine, op, one, two):
    less, more = (machine.time(pointwise(op, n)) for n in sorted((one, two)))
    assert less.seconds <= more.seconds
    assert more.seconds >= 8 * max(one, two) / machine.target.device_memory.bandwidth + machine.target.launch.device
    assert machine.time(pointwise("add", one)).seconds <= machine.time(pointwise("gelu", one)).seconds


@given(
    machines,
    st.sampled_from(["sum", "softmax", "rms_norm", "nonzero"]),
    st.integers(1, 3000),
    st.integers(1, 9000),
    st.integers(0, 900),
)
@quick
def test_reductions(machine, op, rows, length, more):
    once = machine.time(reduction(op, rows, length)).seconds
    assert once >= 8 * rows * length / machine.target.device_memory.bandwidth
    assert once <= machine.time(reduction(op, rows + more, length)).seconds * (1 + 1e-9)
    assert once <= machine.time(reduction(op, rows, length + more)).seconds * (1 + 1e-9)


@given(machines, st.integers(1, 100_000), st.integers(1, 40_000), st.integers(0, 999), st.booleans())
@quick
def test_gathers(machine, rows, size, more, scatter):
    def seconds(rows: float, size: float, scatter: bool) -> float:
        return machine.time(Cost(0, 2 * rows * size, 1, Gather(rows, size, scatter))).seconds

    once = seconds(rows, size, scatter)
    assert once >= 2 * rows * size / machine.target.device_memory.bandwidth
    assert once <= seconds(rows + more, size, scatter) and once <= seconds(rows, size + more, scatter)
    assert seconds(rows, size, False) <= seconds(rows, size, True)


@given(machines, st.integers(1, 5000), st.integers(1, 20_000), st.integers(0, 900))
@quick
def test_sorts(machine, rows, length, more):
    def seconds(rows: float, length: float) -> float:
        return machine.time(Cost(0, 24 * rows * length, 1, Sort(rows, length))).seconds

    once = seconds(rows, length)
    assert once >= 24 * rows * length / machine.target.device_memory.bandwidth
    assert once <= seconds(rows + more, length) * (1 + 1e-9)
    assert once <= seconds(rows, length + more) * (1 + 1e-9)


@given(machines, st.integers(1, 64), st.integers(1, 4000), st.floats(0, 1))
@quick
def test_attention(machine, batch, length, kept):
    dense = machine.time(attention(batch, length))
    macs = batch * 8 * length * (length + 1) / 2 * 256
    assert dense.seconds >= macs / machine.target.peak_macs("bf16")
    assert dense.seconds >= attention(batch, length).bytes / machine.target.device_memory.bandwidth
    assert machine.time(attention(batch, length, kept, (128, 128))).seconds <= dense.seconds * (1 + 1e-9)


CALLS = (
    pointwise("gelu", 3e6),
    reduction("softmax", 512, 2048),
    reduction("sum", 3, 70_000),
    Cost(0, 1e7, 1, Gather(5000, 1024)),
    Cost(0, 1e7, 1, Sort(8, 50_000)),
    Cost(0, 1e6, 1, Sort(512, 128)),
    attention(4, 1000),
    attention(1, 8000, 0.3, (128, 128)),
    Cost(1e9, 1e7, 1),
    Cost(1e9, 2e7, 1, Product(100, 1000, 10_000, dtype="bf16")),
    Cost(4e9, 1e7, 1, Product(1000, 2000, 500, 4, "f32")),
    Cost(2e7, 4e7, 1, Product(1, 5000, 4000, dtype="bf16")),
)


@pytest.mark.parametrize("name", GPUS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call.shape).__name__)
def test_more_bandwidth_and_units_are_never_slower(name, call):
    target = load_target(name)
    before = GpuMachine(target).time(call).seconds
    for times in (1.5, 2, 5):
        assert GpuMachine(faster(target, times)).time(call).seconds <= before * (1 + 1e-9)


@pytest.mark.parametrize("name", GPUS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call.shape).__name__)
def test_a_timing_says_what_it_is_made_of(name, call):
    machine = MACHINES[name]
    timing = machine.time(call)
    assert timing is machine.time(call), "remembered"
    assert timing.seconds >= max(timing.compute, timing.memory) and timing.launch == machine.target.launch.device
    assert timing.macs == call.macs and timing.host == machine.target.launch.host
    assert timing.joules >= timing.bytes["dram"] * machine.target.energy.byte["dram"] * (1 - 1e-9)
    assert timing.bytes["dram"] >= 0.99 * call.bytes
    assert timing.bound in ("compute", "memory", "launch")


def test_what_binds():
    machine = MACHINES["h200"]
    assert machine.time(pointwise("add", 1e8)).bound == "memory"
    assert machine.time(pointwise("add", 10)).bound == "launch"
    assert machine.time(attention(8, 8192)).bound == "compute"
    assert machine.time(Cost(0, 1e9, 1, Transfer(1e9))).bound == "load"


@pytest.mark.parametrize("name", GPUS)
def test_transfers_take_their_links(name):
    machine = MACHINES[name]
    target = machine.target
    for source, destination in (("host", "device"), ("storage", "device"), ("device", "host")):
        way = target.route(source, destination)
        seconds = machine.time(Cost(0, 1e8, 1, Transfer(1e8, source, destination))).seconds
        assert seconds >= 1e8 / min((link.bandwidth for link in way), default=target.device_memory.bandwidth)
    host, storage = (machine.time(Cost(0, 1e8, 1, Transfer(1e8, source))).seconds for source in ("host", "storage"))
    assert storage > host


def test_a_transfer_that_no_link_carries_is_told():
    alone = attrs.evolve(load_target("h200"), links=())
    with pytest.raises(CompileError) as error:
        GpuMachine(alone).time(Cost(0, 1.0, 1, Transfer(1.0, "storage", "device")))
    assert error.value.diagnostics[0].code == "CC1305"


def test_a_call_with_more_launches_takes_them():
    machine = MACHINES["a100"]
    one, three = (machine.time(Cost(0, 800, n, Pointwise("add", 100, 800))) for n in (1, 3))
    assert three.seconds - one.seconds == pytest.approx(2 * machine.target.launch.device)
    nothing = machine.time(Cost(0, 0, 2))
    assert nothing.seconds == pytest.approx(2 * machine.target.launch.device) and nothing.bound == "launch"
