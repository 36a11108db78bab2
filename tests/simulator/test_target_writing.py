"""A target that is written reads back equal."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError
from chunkc.simulator.constants import Axis, CpuConstants, Kernel, LoadConstants
from chunkc.simulator.target_listing import entries
from chunkc.simulator.target_reading import load_target, read_target, shipped
from chunkc.simulator.target_writing import target_text


@pytest.mark.parametrize("name", shipped())
def test_what_is_written_reads_back_equal(name: str) -> None:
    target = load_target(name)
    text = target_text(target)
    again = read_target(text, f"{name}.toml")
    assert again == target and again.notes == target.notes and target_text(again) == text


def test_tables_in_tables_read_back_equal() -> None:
    axes = (Axis("m", (1, 16)), Axis('"n', (4,)))
    kernels = (Kernel("linear", axes, (0.25, 3.0), cold=True), Kernel("copy", axes[:1], (1e-3, 2e9), dtype="f32"))
    constants, loading = CpuConstants(threads=3, call=1e-6, kernels=kernels), LoadConstants(2e10, 1e9, 4e10, 1e-4)
    target = attrs.evolve(load_target("cpu-generic"), cpu=constants, loading=loading)
    again = read_target(target_text(target), "cpu-generic.toml")
    assert again == target and again.cpu == constants
    assert "cpu.kernels.0.axes.1.sizes" in {entry.path for entry in entries(again)}


@given(
    st.sampled_from(shipped()),
    st.floats(1e6, 1e12),
    st.floats(1, 1e18),
    st.floats(0, 10),
    st.integers(1, 1000),
    st.text(max_size=10),
)
def test_any_numbers_read_back_equal(name: str, clock: float, size: float, latency: float, units: int, title: str) -> None:
    target = load_target(name)
    last = attrs.evolve(target.memory[-1], size=size, latency=latency)
    changed = attrs.evolve(
        target, title=title, matrix=attrs.evolve(target.matrix, units=units), memory=(*target.memory[:-1], last)
    )
    changed = attrs.evolve(changed, clock=clock, sources={**target.sources, title: title})
    try:
        again = read_target(target_text(changed), f"{name}.toml")
    except CompileError as error:  # a contradiction of these numbers, not of the text
        assert {item.code for item in error.diagnostics} <= {"CC1206", "CC1208"}
    else:
        assert again == changed
