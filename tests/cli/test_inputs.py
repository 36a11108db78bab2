"""Values for inputs: what fits is taken, and everything that does not is reported at once, underlined in the command line."""

import numpy as np
import pytest

from chunkc.cli.arguments import CommandLine
from chunkc.cli.inputs import input_values
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.dims import symbol
from chunkc.compiler.ir import Attrs, Graph, Node
from chunkc.compiler.source import Source, Span
from chunkc.compiler.types import TensorType

SPEC = Source("x.cc", "model m() {\n  input x: f32[B, T, 8]\n  input i: i64[B, T + 1]\n}\n")
B, T = symbol("B"), symbol("T")


def node(name, dtype, *shape):
    start = SPEC.text.index(f"{name}:")
    return Node("input", (), Attrs({"name": name}), TensorType(dtype, shape), Span(SPEC, start, start + 1), name)


NODES = (node("x", "f32", B, T, 8), node("i", "i64", B, T + 1))
GRAPH = Graph("m", NODES, (), (), (), Span(SPEC, 0, 5))


def values(dims=(), inputs=()):
    return input_values(GRAPH, CommandLine("run", "x.cc", {"--dims": dims, "--input": inputs}), seed=0)


def problems(dims=(), inputs=()):
    with pytest.raises(CompileError) as caught:
        values(dims, inputs)
    return [(d.code, d.span.text) for d in caught.value.diagnostics]


def test_dims_give_seeded_arrays():
    arrays, sizes = values(["B=2,T=4"])
    assert sizes == {"B": 2, "T": 4}
    assert arrays["x"].shape == (2, 4, 8) and arrays["x"].dtype == np.float32
    assert arrays["i"].shape == (2, 5) and set(arrays["i"].ravel()) <= {0, 1}
    np.testing.assert_array_equal(arrays["x"], values(["B=2", "T=4"])[0]["x"])


def test_files_tell_dims(tmp_path):
    x = np.zeros((3, 4, 8), np.float32)
    np.save(tmp_path / "x.npy", x)
    arrays, sizes = values((), [f"x={tmp_path}/x.npy"])
    assert sizes == {"B": 3, "T": 4}
    np.testing.assert_array_equal(arrays["x"], x)
    assert arrays["i"].shape == (3, 5)


def test_wrong_dims_are_all_reported():
    assert problems(["BB=2,T=0,T=3,B=x", "=4,Q"]) == [
        ("CC0704", "T"),
        ("CC0704", "=4"),
        ("CC0704", "Q"),
        ("CC0704", "BB"),
        ("CC0705", "0"),
        ("CC0705", "x"),
    ]


def test_missing_and_huge_sizes_are_reported():
    assert problems(["B=2"]) == [("CC0705", "x")]
    assert problems(["B=100000,T=100000"]) == [("CC0705", "x"), ("CC0705", "i")]


def test_wrong_files_are_all_reported(tmp_path):
    np.save(tmp_path / "dtype.npy", np.zeros((2, 4, 8)))
    np.save(tmp_path / "rank.npy", np.zeros((2, 5, 1), np.int64))
    (tmp_path / "text.npy").write_text("not an array")
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=np.zeros(1))
    for name, codes in {"dtype": ["CC0708"], "text": ["CC0707"], "pickled": ["CC0707"], "missing": ["CC0701"]}.items():
        assert [code for code, _ in problems(["B=2,T=4"], [f"x={tmp_path}/{name}.npy"])] == codes
    assert problems(["B=2,T=4"], [f"x={tmp_path}/several.npz"])[0][0] == "CC0707"
    both = problems(["B=2,T=4"], [f"x={tmp_path}/dtype.npy", f"i={tmp_path}/rank.npy", "z=z.npy"])
    assert [code for code, _ in both] == ["CC0708", "CC0708", "CC0706"]


def test_sizes_that_contradict_each_other_are_reported(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 9), np.float32))
    np.save(tmp_path / "i.npy", np.zeros((3, 7), np.int64))
    found = problems(["B=2"], [f"i={tmp_path}/i.npy", f"x={tmp_path}/x.npy"])
    assert [code for code, _ in found] == ["CC0708"] * 3  # B, T + 1 and 8


def test_whole_numbers_stay_in_the_table_that_they_look_up(specs):
    from chunkc import load
    from chunkc.cli.inputs import index_range

    graph = load(specs / "gpt.cc", vocabulary=11)
    (ids,) = graph.inputs
    assert index_range(graph, ids) == 11
