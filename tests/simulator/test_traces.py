"""Traces: recorded with torch, written and read back, and simulated as they were run; what is damaged is told."""

import io
import zipfile

import numpy as np
import pytest
import torch

import chunkc
from chunkc.compiler.diagnostics import CompileError
from chunkc.grammar.elaborate import loads
from chunkc.simulator.walking import step_log, walk
from chunkc.simulator.workloads import Trace, Workload, read_trace

NESTED = """
model nested(d: int = 8) {
  input x: f32[B, T, d]
  chunk outer[3](h) {
    chunk inner[4](h) { h |> linear(d) |> gelu }
    router fine { score = h |> linear(4)  keep = top(2) }
    fuse y = weighted_sum(inner(h), by=fine)
    output y
  }
  router coarse { score = x |> linear(3)  keep = above(0.0) }
  fuse y = weighted_sum(outer(x), by=coarse)
  output y
}
"""


@pytest.fixture
def recorded(tmp_path):
    """A module, its inputs, and the file of a trace of its calls on them."""
    module = chunkc.compile(loads(NESTED), passes="O1").eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(4)
    batches = [torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    chunkc.profile(module, batches, trace=tmp_path / "trace.npz")
    return module, batches, tmp_path / "trace.npz"


def test_a_trace_is_walked_as_it_was_run(recorded):
    module, batches, path = recorded
    workload = Workload.of(module.graph, routes=str(path))
    assert workload.dims == {"B": 2, "T": 5} and workload.inputs == 3
    for n, x in enumerate(batches):
        with torch.no_grad():
            logged = module.log_steps(x)
        assert step_log(walk(module.plan(), workload.falls, workload.dims), n) == logged.entries
    report = chunkc.simulate(module, "h200", routes=path)
    assert report.inputs == 3 and report.routes == "recorded" and report.dims == {"B": 2, "T": 5}


def test_calls_of_two_sizes_are_no_trace(recorded, tmp_path):
    module, batches, _ = recorded
    with pytest.raises(CompileError, match="does not go with"):
        chunkc.profile(module, [*batches, torch.randn(1, 5, 8)], trace=tmp_path / "two.npz")


def test_another_model_is_told(recorded):
    other = loads(NESTED.replace("inner[4]", "inner[5]").replace("linear(4)", "linear(5)"))
    with pytest.raises(CompileError, match="another model"):
        Workload.of(other, routes=str(recorded[2]))


def test_other_sizes_are_told(recorded):
    module, _, path = recorded
    assert Workload.of(module.graph, {"B": 2}, routes=str(path)).dims == {"B": 2, "T": 5}
    with pytest.raises(CompileError, match="recorded with T=5"):
        Workload.of(module.graph, {"T": 6}, routes=str(path))


def damaged(path, change):
    """The file with an entry changed."""
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    change(entries)
    np.savez_compressed(path, **entries)
    return path


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda e: e.pop("about"), "damaged"),
        (lambda e: e.update(about=np.frombuffer(b"{}", np.uint8)), "damaged"),
        (lambda e: e.update(about=np.frombuffer(b"\xff", np.uint8)), "damaged"),
        (lambda e: e.update({"kept:coarse": e["kept:coarse"][:, :1]}), "number of decisions"),
        (lambda e: e.update({"kept:coarse": e["kept:coarse"].astype(float)}), "number of decisions"),
        (lambda e: e.pop("kept:coarse"), "damaged"),
        (lambda e: e.update({"hits:a": np.ones(2, np.int64)}), "hits"),
    ],
)
def test_what_is_damaged_is_told(recorded, change, said):
    with pytest.raises(CompileError, match=said):
        read_trace(damaged(recorded[2], change))


def test_objects_are_never_loaded(tmp_path):
    class Bad:
        def __reduce__(self):
            return print, ("loaded",)

    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(path, "w") as file:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.array([Bad()], object), allow_pickle=True)
        file.writestr("about.npy", buffer.getvalue())
    with pytest.raises(CompileError, match="objects"):
        read_trace(path)
    path.write_bytes(b"\x80\x04K\x01.")  # a pickled number
    with pytest.raises(CompileError, match="no file of"):
        read_trace(path)
    with pytest.raises(CompileError, match="cannot be read"):
        read_trace(tmp_path / "absent.npz")


def test_a_trace_without_calls_is_none(recorded, tmp_path):
    Trace.of(recorded[0].graph).write(tmp_path / "none.npz")
    with pytest.raises(CompileError, match="no calls"):
        Workload.of(recorded[0].graph, {"B": 1, "T": 1}, routes=str(tmp_path / "none.npz"))
