"""What handles beside a spec and in a store stand for, and what is refused."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from chunkc.compiler.codes import CODES
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.render import render_text
from chunkc.store.lockfile import Entry, Lock, read_lock, text_of
from chunkc.store.resolver import Resolver
from chunkc.store.store import Store


def weights(names, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((4, 3)).astype(np.float32) for name in names}


NAMES = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.10.weight", "head.weight"]


@pytest.fixture
def folder(tmp_path):
    """A spec's folder with a file of tensors, and a folder outside."""
    (tmp_path / "spec" / "parts").mkdir(parents=True)
    save_file(weights(NAMES), tmp_path / "spec" / "parts" / "model.safetensors")
    save_file(weights(["secret"]), tmp_path / "secret.safetensors")
    return tmp_path / "spec"


def read(place):
    with open(place.blob.path, "rb") as file:
        file.seek(place.start)
        return np.frombuffer(file.read(place.bytes), np.float32).reshape(place.shape)


def told(folder, handle, **options):
    """The one diagnostic that resolving gives."""
    with pytest.raises(CompileError) as caught:
        Resolver(None, folder, **options).resolve(handle)
    (found,) = caught.value.diagnostics
    assert found.code in CODES and found.hint and render_text([found])
    return f"{found.code} {found.message} ({found.hint})"


def test_a_file_gives_its_tensors(folder):
    found = Resolver(None, folder).resolve("file:parts/model.safetensors")
    assert found.kind == "weights" and set(found.tensors) == set(NAMES) and len(found.blobs) == 1
    assert found.sha256 == found.blobs[0].sha256 and found.folder == str((folder / "parts").resolve())
    for name, value in weights(NAMES).items():
        assert np.array_equal(read(found.tensors[name]), value)
    assert found.bytes == 5 * 48


def test_a_part_gives_what_lies_below_it(folder):
    found = Resolver(None, folder).resolve("file:parts/model.safetensors#layers.1")
    assert set(found.tensors) == {"weight"} and found.part == "layers.1"
    assert np.array_equal(read(found.tensors["weight"]), weights(NAMES)["layers.1.weight"])
    assert "it has no part `layer.1` (did you mean `layers.1`?)" in told(folder, "file:parts/model.safetensors#layer.1")
    assert "`#head`, `#layers`" in told(folder, "file:parts/model.safetensors#x")


def test_a_folder_of_shards(folder):
    save_shards(folder / "sharded")
    resolver = Resolver(None, folder)
    found = resolver.resolve("file:sharded")
    assert set(found.tensors) == set(NAMES) and len(found.blobs) == 3
    assert resolver.resolve("file:sharded/model.safetensors.index.json").sha256 == found.sha256
    part = resolver.resolve("file:sharded#head")
    assert [blob.path.rpartition("/")[2] for blob in part.blobs] == ["model.safetensors.index.json", "b.safetensors"]


def save_shards(path, index=None):
    path.mkdir()
    values = weights(NAMES)
    homes = {name: "b.safetensors" if name == "head.weight" else "a.safetensors" for name in NAMES}
    for shard in ("a.safetensors", "b.safetensors"):
        save_file({name: values[name] for name in NAMES if homes[name] == shard}, path / shard)
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index or homes}))


@pytest.mark.parametrize(
    ("index", "code", "message"),
    [
        ({"head.weight": "c.safetensors"}, "CC1435", "names the shard `c.safetensors`, which is missing"),
        ({"head.wait": "b.safetensors"}, "CC1435", "which has no such tensor (did you mean `head.weight`?)"),
        ({"head.weight": "../secret.safetensors"}, "CC1422", "outside its folder"),
        ({"head.weight": "/etc/passwd.safetensors"}, "CC1422", "outside its folder"),
        ({"head.weight": "b.bin"}, "CC1425", "a pickle, which is never loaded"),
        ({"head.weight": 3}, "CC1435", "no `weight_map`"),
    ],
)
def test_indices_that_do_not_fit(folder, index, code, message):
    save_shards(folder / "sharded", index)
    found = told(folder, "file:sharded")
    assert found.startswith(code) and message in found


def test_all_shards_that_do_not_fit_are_told_at_once(folder):
    save_shards(folder / "sharded", {"head.weight": "c.safetensors", "head.bias": "d.safetensors", "x": "a.safetensors"})
    (folder / "sharded" / "a.safetensors").write_bytes(b"short")
    with pytest.raises(CompileError) as caught:
        Resolver(None, folder).resolve("file:sharded")
    assert sorted(one.code for one in caught.value.diagnostics) == ["CC1404", "CC1435", "CC1435"]


def test_a_tensor_in_two_shards(folder):
    save_shards(folder / "sharded")
    save_file(weights(["layers.0.weight", "head.weight"]), folder / "sharded" / "b.safetensors")
    assert told(folder, "file:sharded").startswith("CC1436 `layers.0.weight` lies in `a.safetensors` and in `b.safetensors`")


def test_a_program_takes_the_weights_beside_it(folder):
    (folder / "parts" / "model.cc").write_text("model m {}\n")
    found = Resolver(None, folder).resolve("file:parts")
    assert found.kind == "model" and found.program.text == "model m {}\n" and set(found.tensors) == set(NAMES)
    assert Resolver(None, folder).resolve("file:parts/model.cc#layers.0").tensors.keys() == {"weight", "bias"}
    (folder / "alone.cc").write_text("model m {}\n")
    assert not Resolver(None, folder).resolve("file:alone.cc").tensors


REFUSED = {
    "models/edges@v1": "CC1427 names without a scheme are a store's",
    "s3://bucket/x.safetensors": "CC1427 what is fetched is kept in a store",
    "file:none.safetensors": "CC1423 `none.safetensors` cannot be read: no such file",
    "file:parts/model.pt": "CC1425 `model.pt` is a pickle: loading it would run whatever code its author wrote",
    "file:parts/notes.txt": "CC1425 `notes.txt` is no file of a kind that is read",
    "file:parts/shapes.onnx": "CC1425 `shapes.onnx` is to be run by what its ending says (write `onnx:`",
    "onnx:file:parts/model.safetensors": "CC1425 `onnx:` runs a .onnx file",
    "onnx:shapes.onnx": "CC1423 `shapes.onnx` cannot be read",
    "file:empty": "CC1423 the folder has no `model.cc`",
    "file:pickled": "CC1425 `pytorch_model.bin` is a pickle",
    "file:outside.safetensors": "CC1422 `outside.safetensors` is a link that leads out of its folder",
    "file:linked/secret.safetensors": "CC1422",
    "file:round": "CC1423 `round` cannot be read",
    "file:pipe": "CC1423 `pipe` is neither a file nor a folder",
    "py:os.path:join": "CC1426 `py:os.path:join` imports a module",
}


@pytest.mark.parametrize("handle", REFUSED)
def test_what_is_refused(folder, handle):
    for name in ("model.pt", "notes.txt", "shapes.onnx"):
        (folder / "parts" / name).write_bytes(b"")
    for name in ("empty", "pickled"):
        (folder / name).mkdir()
    (folder / "pickled" / "pytorch_model.bin").write_bytes(b"")
    os.symlink("../secret.safetensors", folder / "outside.safetensors")
    os.symlink("..", folder / "linked")
    os.symlink("round", folder / "round")
    os.mkfifo(folder / "pipe")
    assert REFUSED[handle] in told(folder, handle)


def test_a_name_that_is_no_text_is_refused(folder):
    (folder / "odd").mkdir()
    (folder / "odd" / os.fsdecode(b"\xff.safetensors")).write_bytes(b"")
    assert told(folder, "file:odd").startswith("CC1423 the name `\\xdcff.safetensors` is no UTF-8")


def test_a_link_inside_is_followed(folder):
    os.symlink("parts/model.safetensors", folder / "short.safetensors")
    assert set(Resolver(None, folder).resolve("file:short.safetensors").tensors) == set(NAMES)


def test_python_only_if_allowed(folder):
    found = Resolver(None, folder, allow_python=True).resolve("py:os.path:join")
    assert found.kind == "py" and not found.blobs


def test_a_pin_holds(folder):
    resolver = Resolver(None, folder)
    sha256 = resolver.resolve("file:parts/model.safetensors").sha256
    assert resolver.resolve(f"file:parts/model.safetensors@sha256:{sha256}").sha256 == sha256
    save_file(weights(NAMES, seed=1), folder / "parts" / "model.safetensors")
    assert told(folder, f"file:parts/model.safetensors@sha256:{sha256}").startswith(f"CC1431 it is pinned to sha256 {sha256}")


def test_a_lock_holds(folder):
    handle = "file:parts/model.safetensors#head"
    _, entry = Resolver(None, folder).entry(handle)
    lock = Lock("chunkc.lock", {handle: entry})
    assert Resolver(None, folder, lock).resolve(handle).sha256 == entry.sha256
    save_file(weights(NAMES, seed=1), folder / "parts" / "model.safetensors")
    found = told(folder, handle, lock=lock)
    assert found.startswith("CC1432") and "--update" in found
    assert f"locks file:parts/model.safetensors of sha256 {entry.sha256}; found file:" in found


def test_a_file_that_cannot_be_read(folder, monkeypatch):
    def failing(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("chunkc.store.files.hashed", failing)
    assert "CC1423 what it stands for cannot be read" in told(folder, "file:parts/model.safetensors")


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
PINS = st.integers(0, 2**256 - 1).map("{:064x}".format)
ENTRIES = st.builds(Entry, st.sampled_from(["weights", "onnx"]), TEXTS, st.integers(0, 2**60), PINS, st.dictionaries(TEXTS, PINS))


@given(st.dictionaries(TEXTS, ENTRIES, max_size=4))
def test_locks_are_read_as_they_were_written(tmp_path_factory, entries):
    path = tmp_path_factory.getbasetemp() / "chunkc.lock"
    path.write_text(text_of(entries), encoding="utf-8", newline="")
    assert read_lock(path).entries == entries
    assert text_of(read_lock(path).entries) == text_of(entries)


def test_names_of_a_store(folder, tmp_path):
    store = Store(tmp_path / "store")
    from chunkc.store.manifest import Part
    from chunkc.store.writing import tensors_in

    with store.writing() as writer:
        blob = writer.put_tensors(tensors_in(str(folder / "parts" / "model.safetensors")))
        writer.publish("models/edges", "v1", {"": Part(blob)})
    store.alias("models/edges", "stable", "v1")
    found = Resolver(store, folder).resolve("models/edges@stable#layers")
    assert found.location == "models/edges@v1#layers" and set(found.tensors) == {n[7:] for n in NAMES if n.startswith("layers.")}
    with pytest.raises(CompileError, match="CC1425"):
        Resolver(store, folder).resolve("onnx:models/edges@v1")
    with pytest.raises(CompileError, match="CC1406"):
        Resolver(store, folder).resolve("models/edges@v3")
