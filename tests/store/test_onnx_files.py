"""Where ONNX files keep their tensors is read from the file, before anything is run; outside its folder is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.onnx_files import NoOnnx, external_files, locations
from chunkc.store.adding import add
from chunkc.store.resolver import Resolver
from chunkc.store.store import Store

onnx = pytest.importorskip("onnx")


def model(location="", inside=""):
    """y = x @ w + v, where `w` is kept in a file; `inside`: so is a constant of a branch, in another one."""
    weight = onnx.numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    if location:
        outside(weight, location)
    make = onnx.helper
    nodes = [make.make_node("MatMul", ["x", "w"], ["y"])]
    if inside:
        constant = outside(onnx.numpy_helper.from_array(np.ones(4, np.float32), "c"), inside)
        leaf = make.make_graph(
            [make.make_node("Constant", [], ["z"], value=constant)],
            "leaf",
            [],
            [make.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [4])],
        )
        nodes.append(make.make_node("If", ["flag"], ["z"], then_branch=leaf, else_branch=leaf))
    ends = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["B", size]) for name, size in (("x", 3), ("y", 4))]
    return make.make_model(make.make_graph(nodes, "g", ends[:1], ends[1:], [weight]))


def outside(tensor, location):
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(data)))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def saved(path, *arguments):
    path.write_bytes(model(*arguments).SerializeToString())
    return path


def test_locations_are_found_however_deep():
    assert locations(model().SerializeToString()) == []
    assert sorted(locations(model("w.bin", "deep/c.bin").SerializeToString())) == ["deep/c.bin", "w.bin"]


@pytest.mark.parametrize("data", [b"", b"{}", b"\x3a\xff", b"\x08" + b"\xff" * 11, b"\x3b", b"\x08\x01", b"PK\x03\x04 no"])
def test_what_is_none(tmp_path, data):
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(NoOnnx):
        external_files(str(tmp_path / "m.onnx"))
    with pytest.raises(CompileError, match="CC1434"):
        Resolver(None, tmp_path).resolve("onnx:m.onnx")


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(data, place, byte):
    whole = model("w.bin").SerializeToString()
    at = place % len(whole)
    for each in (data, whole[:at], whole[:at] + bytes([byte]) + whole[at + 1 :]):
        try:
            assert isinstance(locations(each), list)
        except NoOnnx as error:
            assert str(error)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("../secret.bin", "keeps tensors in `../secret.bin`, outside its folder"),
        ("/etc/passwd", "outside its folder"),
        ("deep/../../secret.bin", "outside its folder"),
        ("link.bin", "is a link that leads out of its folder"),
        ("none.bin", "keeps tensors in `none.bin`, which is missing"),
    ],
)
def test_data_outside_is_refused(tmp_path, location, told):
    (tmp_path / "spec" / "parts").mkdir(parents=True)
    (tmp_path / "spec" / "secret.bin").write_bytes(b"x" * 48)
    os.symlink("../secret.bin", tmp_path / "spec" / "parts" / "link.bin")
    saved(tmp_path / "spec" / "parts" / "m.onnx", location)
    with pytest.raises(CompileError) as caught:
        Resolver(None, tmp_path / "spec").resolve("onnx:parts/m.onnx")
    assert told in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].code in ("CC1434", "CC1422")


def test_what_is_stored_is_one_file(tmp_path):
    store = Store(tmp_path / "store")
    assert add(store, saved(tmp_path / "whole.onnx"), "shapes", "v1").kind == "onnx"
    assert Resolver(store, tmp_path).resolve("onnx:shapes@v1").location == "onnx:shapes@v1"
    (tmp_path / "w.bin").write_bytes(b"x" * 48)
    for data in (saved(tmp_path / "m.onnx", "w.bin").read_bytes(), b"none"):
        (tmp_path / "m.onnx").write_bytes(data)
        with pytest.raises(CompileError, match="CC1434"):
            add(store, tmp_path / "m.onnx", "shapes", "v2")


def test_data_inside_is_one_more_file(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "w.bin").write_bytes(b"x" * 48)
    saved(tmp_path / "parts" / "m.onnx", "./w.bin")
    found = Resolver(None, tmp_path).resolve("onnx:parts/m.onnx")
    assert [blob.path.rpartition("/")[2] for blob in found.blobs] == ["m.onnx", "w.bin"]
    assert found.kind == "onnx" and found.folder == str(tmp_path / "parts") and not found.tensors
    before = found.sha256
    (tmp_path / "parts" / "w.bin").write_bytes(b"y" * 48)
    assert Resolver(None, tmp_path).resolve("onnx:parts/m.onnx").sha256 != before
