"""Our headers and the library's: each reads what the other writes, and no file brings the reader to more than a refusal."""

import json
import struct

import numpy as np
import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save
from stores import arrays, edges, tensors, weights_file

from chunkc.compiler.diagnostics import CompileError
from chunkc.store.safetensors import BITS, read_header
from chunkc.store.writing import PAGE, tensors_in, written


def stored(folder, values, metadata=None):
    path = folder / "ours.safetensors"
    path.write_bytes(b"".join(written(tensors(values), metadata)))
    return path


def test_the_library_reads_what_we_write(tmp_path):
    values = {**edges(), "empty": np.zeros((0, 3), np.float32), 'q"\n\x7fé': np.ones((2,), np.float32)}
    path = stored(tmp_path, values, {"format": "np"})
    found = load_file(path)
    assert found.keys() == values.keys() and all(np.array_equal(found[name], values[name]) for name in values)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"format": "np"}


def test_we_read_what_the_library_writes(tmp_path):
    values = {f"of.{kind}": np.ones((2, 3), kind) for kind in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "u8", "?", "c8")}
    header = read_header(str(weights_file(tmp_path, values)))
    assert {name: (each.shape, each.bytes) for name, each in header.tensors.items()} == {
        name: ((2, 3), value.nbytes) for name, value in values.items()
    }
    assert header.tensors["of.?"].dtype == "bool" and header.tensors["of.f8"].dtype == "f64"
    path = tmp_path / "again.safetensors"
    path.write_bytes(b"".join(written(tensors_in(str(tmp_path / "weights.safetensors")))))
    found = load_file(path)
    assert all(found[name].dtype == value.dtype and np.array_equal(found[name], value) for name, value in values.items())


def test_blobs_can_be_mapped(tmp_path):
    values = arrays(a=(3,), b=(16,), c=(5, 7), d=(64, 64), e=(1,))
    header = read_header(str(stored(tmp_path, values)))
    assert header.start % PAGE == 0
    assert all(header.tensors[name].start % 64 == 0 for name in ("b", "d"))
    mixed = {"a": np.ones(3, np.int8), "b": np.ones(3, np.float64), "c": np.ones(5, np.float16), "d": np.ones(3, np.float32)}
    path = tmp_path / "mixed.safetensors"
    path.write_bytes(b"".join(written(tensors_in(str(weights_file(tmp_path, mixed))))))
    for each in read_header(str(path)).tensors.values():
        assert each.start % (BITS[each.dtype.upper()] // 8) == 0


def test_the_same_tensors_make_the_same_bytes(tmp_path):
    values = edges()
    assert stored(tmp_path, values).read_bytes() == stored(tmp_path, dict(reversed(values.items()))).read_bytes()


def file_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


HOSTILE = {
    "empty": (b"", "within its first eight bytes"),
    "short": (b"1234567", "within its first eight bytes"),
    "longer than it is": (file_of(b"{}", length=3), "3 bytes, and 2 follow"),
    "huge header": (file_of(b"{}", length=2**63), "more than 100,000,000 are not read"),
    "no object": (file_of(b"[]"), "no JSON object"),
    "space first": (file_of(b" {}"), "no JSON object"),
    "no JSON": (file_of(b"{]"), "no JSON ("),
    "no UTF-8": (file_of(b'{"\xff": 1}'), "no JSON ("),
    "half a character": (file_of(b'{"\\ud800": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}'), "no JSON ("),
    "deep": (file_of(b'{"a":' + b"[" * 100_000), "nested too deeply"),
    "long number": (file_of(b'{"a":' + b"9" * 10_000 + b"}"), "no JSON ("),
    "not a number": (file_of(b'{"a": NaN}'), "holds NaN"),
    "twice": (file_of(b'{"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "a": 1}'), "says `a` twice"),
    "metadata": (file_of({"__metadata__": {"a": 1}}), "no table of texts"),
    "no entry": (file_of({"a": 3}), "does not say `dtype`"),
    "other keys": (file_of({"a": entry(more=1)}, bytes(8)), "and these alone"),
    "dtype": (file_of({"a": entry("F33")}, bytes(8)), "unknown dtype `F33`"),
    "negative size": (file_of({"a": entry(shape=(-2, -1))}, bytes(8)), "no list of sizes"),
    "bool size": (file_of({"a": entry(shape=(True, 2))}, bytes(8)), "no list of sizes"),
    "huge size": (file_of({"a": entry(shape=(2**62,))}, bytes(8)), "no list of sizes"),
    "overflow": (file_of({"a": entry(shape=(2**33, 2**33), offsets=(0, 0))}), "its shape takes more"),
    "many dims": (file_of({"a": entry(shape=[1] * 70 + [2])}, bytes(8)), "no list of sizes"),
    "three offsets": (file_of({"a": entry(offsets=(0, 4, 8))}, bytes(8)), "no two ascending"),
    "backwards": (file_of({"a": entry(offsets=(8, 0))}, bytes(8)), "no two ascending"),
    "beyond": (file_of({"a": entry(offsets=(8, 16))}, bytes(8)), "ends at byte 16 of the data, which has 8"),
    "another size": (file_of({"a": entry(shape=(3,))}, bytes(8)), "has 8 bytes, and F32[3] takes 12 bytes"),
    "overlap": (file_of({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)), "`b` overlaps `a`"),
    "the same": (file_of({"a": entry(), "b": entry()}, bytes(8)), "`b` overlaps `a`"),
    "hole": (file_of({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)), "4 bytes before `b` belong to no"),
    "rest": (file_of({"a": entry()}, bytes(9)), "1 bytes at its end"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_hostile_headers_say_is_refused(case, tmp_path):
    data, says = HOSTILE[case]
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(data)
    with pytest.raises(CompileError) as caught:
        read_header(str(path))
    (one,) = caught.value.diagnostics
    assert one.code == "CC1404" and says in one.message, one.message


@given(st.data())
def test_what_is_taken_the_library_takes_too(tmp_path_factory, data):
    good = save(arrays(a=(2,), b=(3, 2)), {"k": "v"})
    length = struct.unpack("<Q", good[:8])[0]
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 8 + length - 1))
        bad[at] = data.draw(st.sampled_from(b'0123456789{}[]":, ') | st.integers(0, 255))
    bad = bad[: data.draw(st.sampled_from((len(bad), len(bad) - 1, len(bad) // 2)))]
    path = tmp_path_factory.mktemp("fuzz") / "x.safetensors"
    path.write_bytes(bad)
    try:
        header = read_header(str(path))
    except CompileError as error:
        assert {one.code for one in error.diagnostics} == {"CC1404"}
    else:
        with safetensors.safe_open(path, "np") as file:
            assert set(file.keys()) == set(header.tensors)
