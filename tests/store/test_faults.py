"""What is damaged, missing or wrong is said with place, reason and remedy; the rest of the store serves on."""

import os

import numpy as np
import pytest
from stores import arrays, edges, in_parts, read, store_with, weights_file

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.fitting import misfits
from chunkc.compiler.types import TensorType
from chunkc.store import verifying
from chunkc.store.adding import add
from chunkc.store.blobs import blob_at, place
from chunkc.store.collecting import collect
from chunkc.store.lockfile import read_lock
from chunkc.store.store import Store
from chunkc.store.verifying import verify


def found(call, *arguments):
    """What a call is refused for."""
    with pytest.raises(CompileError) as caught:
        call(*arguments)
    for one in caught.value.diagnostics:
        assert one.hint and one.labels[0].span.source.path
    return caught.value.diagnostics


def codes(items):
    return sorted(one.code for one in items)


def blob_of(store, version):
    (blob,) = store.version("models/edges", version).parts.values()
    return blob.blob.path


def truncate(path):
    os.chmod(path, 0o644)
    os.truncate(path, os.path.getsize(path) - 1)


def flip(path):
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(4096 + 100)
        byte = file.read(1)[0]
        file.seek(4096 + 100)
        file.write(bytes([byte ^ 4]))


def link(path):
    os.rename(path, f"{path}.away")
    os.symlink(f"{path}.away", path)


def folder(path):
    os.unlink(path)
    os.mkdir(path)


@pytest.mark.parametrize(
    "harm, code, verified",
    [(truncate, "CC1409", ["CC1409"]), (os.unlink, "CC1408", ["CC1408"]), (link, "CC1409", ["CC1409", "CC1417"])],
)
def test_a_blob_that_is_harmed_is_not_served(tmp_path, harm, code, verified):
    store = store_with(tmp_path, "v1", "v2")
    harm(blob_of(store, "v1"))
    (one,) = found(store.tensors, store.version("models/edges", "v1"))
    assert one.code == code and "add it again" in one.hint
    assert codes(verify(store).findings) == verified
    v2 = store.tensors(store.version("models/edges", "v2"))
    assert np.array_equal(read(v2["head.weight"]), edges(1)["head.weight"])
    # Adding it again is the remedy that was named.
    add(store, weights_file(tmp_path, edges(0)), "models/edges", "v1")
    assert np.array_equal(read(store.tensors(store.version("models/edges", "v1"))["head.weight"]), edges(0)["head.weight"])
    assert codes(verify(store).findings) == verified[1:]


def test_one_flipped_bit_is_found(tmp_path):
    store = store_with(tmp_path, "v1", "v2")
    flip(blob_of(store, "v1"))
    (one,) = verify(store).findings
    assert one.code == "CC1409" and os.path.basename(blob_of(store, "v1")) in one.message
    add(store, weights_file(tmp_path, edges(0)), "models/edges", "v1")
    assert not verify(store).findings


def test_a_manifest_that_is_harmed(tmp_path):
    store = store_with(tmp_path, "v1", "v2")
    path = place(store.root, store.version("models/edges", "v1").sha256)
    os.chmod(path, 0o644)
    path.write_text(path.read_text().replace("weights", "wEights"))
    again = Store(store.root)
    assert codes(found(again.version, "models/edges", "v1")) == ["CC1409"]
    assert again.version("models/edges", "v2")
    assert codes(verify(again).findings) == ["CC1409"]
    # What it referred to is not known, so nothing is garbage.
    before = sorted(path for path in again.root.rglob("*"))
    assert codes(found(collect, again)) == ["CC1409"]
    assert sorted(path for path in again.root.rglob("*")) == before
    folder(path)
    assert codes(verify(Store(store.root)).findings) == ["CC1409"]


def test_the_index_names_what_is_no_manifest(tmp_path):
    store = store_with(tmp_path, "v1", "v2")
    weights = os.path.basename(blob_of(store, "v1"))
    v1 = store.version("models/edges", "v1").sha256
    store.index.path.write_text(store.index.path.read_text().replace(v1, weights))
    (one,) = found(store.version, "models/edges", "v1")
    assert one.code == "CC1401"
    assert codes(verify(store).findings) == ["CC1401"]
    with store.writing() as writer:
        for text in ("", "x = 1", "[parts]\na = 1", '[parts]\n"a..b" = { blob = "sha256:00", bytes = 1, kind = "weights" }', "["):
            blob = writer.put([text.encode()])
            store.index.write({"m": {"v1": f"sha256:{blob.sha256}"}})
            assert codes(found(store.version, "m")) == ["CC1401"]


def test_a_manifest_that_leads_away_is_refused(tmp_path):
    store = store_with(tmp_path, "v1")
    text = '[parts]\n"" = { blob = "sha256:../../../secret", bytes = 1, kind = "weights" }\n'
    with store.writing() as writer:
        blob = writer.put([text.encode()])
    store.index.write({"m": {"v1": f"sha256:{blob.sha256}"}})
    assert codes(found(store.version, "m")) == ["CC1401"]
    assert codes(found(blob_at, store.root, "../../../secret")) == ["CC1402"]


@pytest.mark.parametrize(
    "text, says",
    [
        ("garbage [", "no TOML"),
        ("[a]\nb = 3\n", "this is no text"),
        ('["../a"]\nv1 = "v2"\n', "`../a`"),
        ('["a"]\n"v 1" = "v2"\n', "no version or alias"),
        ('a = "v1"\n', "no table"),
        ('["a"]\nv1 = ".."\n', "no version or alias"),
    ],
)
def test_tables_that_are_garbage_are_shown(tmp_path, text, says):
    store = store_with(tmp_path, "v1")
    store.aliases.path.write_text(text)
    assert store.version("models/edges", "v1"), "what is said by its version is served"
    (one,) = found(store.version, "models/edges", "stable")
    assert one.code == "CC1401" and says in one.message and one.span.source.path == str(store.aliases.path)
    assert one.span.text
    (same,) = verify(store).findings
    assert same.message == one.message
    store.index.path.write_bytes(b"\xff")
    assert codes(verify(store).findings) == ["CC1401", "CC1401"]
    assert "UTF-8" in found(store.version, "models/edges", "v1")[0].message


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_table_that_is_no_file_is_not_waited_for(tmp_path, make):
    store = store_with(tmp_path, "v1")
    make(store.aliases.path)
    (one,) = found(store.version, "models/edges", "stable")
    assert one.code == "CC1401" and "aliases.toml` is no file" in one.message
    make(tmp_path / "chunkc.lock")
    assert codes(found(read_lock, tmp_path / "chunkc.lock")) == ["CC1433"]


def test_several_lines_of_a_table_are_found_at_once(tmp_path):
    store = store_with(tmp_path, "v1")
    store.index.path.write_text('["m"]\nv1 = "sha256:12"\nv2 = "v1"\nv3 = 4\n')
    places = [one.span.text for one in found(store.version, "m")]
    assert places == ['"sha256:12"', '"v1"', "4"]


def test_aliases_that_go_round_or_nowhere(tmp_path):
    store = store_with(tmp_path, "v1")
    store.alias("models/edges", "a", "v1")
    store.alias("models/edges", "b", "a")
    (one,) = found(store.alias, "models/edges", "a", "b")
    assert one.code == "CC1410" and "a -> b -> a" in one.message
    assert codes(found(store.alias, "models/edges", "a", "a")) == ["CC1410"]
    assert codes(found(store.alias, "models/edges", "c", "v9")) == ["CC1406"]
    assert codes(found(store.alias, "models/edges", "v1", "a")) == ["CC1405"]
    assert codes(found(store.remove_alias, "models/edges", "a")) == ["CC1411"]
    assert codes(found(store.remove_alias, "models/edges", "z")) == ["CC1406"]
    assert store.version("models/edges", "b").version == "v1"
    store.aliases.write({"models/edges": {"a": "b", "b": "c", "c": "a", "d": "a", "e": "v9", "f": "v1", "v1": "f"}})
    (one,) = found(store.version, "models/edges", "d")
    assert one.code == "CC1410" and "d -> a -> b -> c -> a" in one.message and len(one.labels) == 3
    (one,) = found(store.version, "models/edges", "e")
    assert one.code == "CC1411" and one.span.text == '"v9"'
    assert store.version("models/edges", "f").version == "v1"
    assert codes(verify(store).findings) == ["CC1410", "CC1411", "CC1411"]
    store.remove_alias("models/edges", "d")
    assert "d" not in store.aliases.path.read_text().split()


@pytest.mark.parametrize(
    "name", ["../edges", "/etc/passwd", "a/../b", "a\0b", "~/a", "C:/a", "", "a//b", "a/", ".a", "a.", "ä", "a" * 201]
)
def test_names_that_lead_away_are_refused(tmp_path, name):
    store = store_with(tmp_path, "v1")
    file = weights_file(tmp_path, edges())
    before = sorted(tmp_path.rglob("*"))
    assert codes(found(add, store, file, name, "v1")) == ["CC1402"]
    assert codes(found(store.version, name)) == ["CC1406"]
    if "/" not in name:
        assert codes(found(add, store, file, "m", name)) == ["CC1402"]
        assert codes(found(store.alias, "models/edges", name, "v1")) == ["CC1402"]
    assert codes(found(store.version, "models/edges", f"sha256:{name}")) == ["CC1402"]
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_of_the_store_that_are_links_are_refused(tmp_path):
    store = store_with(tmp_path, "v1")
    path = place(store.root, os.path.basename(blob_of(store, "v1")))
    os.rename(path.parent, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", path.parent)
    assert "CC1409" in codes(found(store.tensors, store.version("models/edges", "v1")))
    assert verify(store).findings
    (tmp_path / "second").mkdir()
    store = store_with(tmp_path / "second", "v1")
    os.rename(store.root / "blobs", tmp_path / "blobs")
    os.symlink(tmp_path / "blobs", store.root / "blobs")
    assert codes(verify(store).findings) == ["CC1409"], "what no version can be read through is told"


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.bin", "a.ckpt", "a.pkl", "A.PT"])
def test_pickles_are_refused_and_told_why(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    (one,) = found(add, Store(tmp_path / "s"), tmp_path / name, "m", "v1")
    assert one.code == "CC1403" and "runs whatever code it holds" in one.message and "save_file" in one.hint
    assert not (tmp_path / "s").exists()
    (tmp_path / "m.cc").write_text("")
    assert codes(found(add, Store(tmp_path / "s"), tmp_path / "m.cc", "m", "v1", tmp_path / name)) == ["CC1403"]


def test_other_files_that_cannot_be_stored(tmp_path):
    store = store_with(tmp_path, "v1")
    for name, data in (("a.txt", b""), ("a", b""), ("b.cc", b"\xff"), ("c.pt2", b"no archive")):
        (tmp_path / name).write_bytes(data)
        assert codes(found(add, store, tmp_path / name, "m", "v1")) == ["CC1416"]
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("folder.onnx", "pipe.safetensors"):
        assert codes(found(add, store, tmp_path / name, "m", "v1")) == ["CC1416"]
    assert codes(found(add, store, weights_file(tmp_path, edges()), "m", "v1", tmp_path / "x.safetensors")) == ["CC1416"]
    (tmp_path / "no.safetensors").write_bytes(b"\x80\x04 a pickle in disguise")
    assert codes(found(add, store, tmp_path / "no.safetensors", "m", "v1")) == ["CC1404"]
    with pytest.raises(FileNotFoundError):
        add(store, tmp_path / "nothing.safetensors", "m", "v1")
    assert not verify(store).findings and store.names() == ["models/edges"]


def test_what_does_not_fit_what_is_declared(tmp_path):
    store = store_with(tmp_path, "v1")
    tensors = store.tensors(store.version("models/edges"), "head")
    assert not misfits("h", tensors, {"weight": TensorType("f32", (5, 7))})
    declared = {"weight": TensorType("bf16", (5, 7)), "bias": TensorType("f32", (5,))}
    wrong = misfits("models/edges@v1#head", tensors, declared)
    assert codes(wrong) == ["CC1414", "CC1414"]
    assert [one.labels[0].text for one in wrong] == ["bf16[5, 7] is declared, f32[5, 7] is stored", "f32[5] is declared"]
    (shape,) = misfits("h", tensors, {"weight": TensorType("f32", (7, 5))})
    assert shape.labels[0].text == "f32[7, 5] is declared, f32[5, 7] is stored"
    (extra, missing) = sorted(misfits("h", tensors, {"weigth": TensorType("f32", (5, 7))}), key=lambda one: one.message[5])
    assert "did you mean" in extra.hint + missing.hint


def test_collecting_takes_what_nothing_refers_to(tmp_path):
    store = store_with(tmp_path, "v1")
    with store.writing() as writer:
        garbage, kept = writer.put([b"garbage"]), writer.put([b"fetched"])
        writer.keep_fetched("https://host/a.safetensors", kept)
    (store.root / "tmp" / "x.part").write_bytes(b"123")
    assert collect(store, dry=True).blobs == (garbage.sha256,) and os.path.exists(garbage.path)
    gone = collect(store)
    assert gone.blobs == (garbage.sha256,) and gone.drafts == ("x.part",) and gone.bytes == 10
    assert store.fetched("https://host/a.safetensors") == kept and store.fetched("https://host/b") is None
    assert not verify(store).findings and collect(store).bytes == 0
    store.index.write({})
    assert len(collect(store).blobs) == 2


def test_collecting_takes_what_a_library_was_writing(tmp_path):
    store = store_with(tmp_path, "v1")
    (store.root / "tmp" / "y.part" / "cache").mkdir(parents=True)
    (store.root / "tmp" / "y.part" / "cache" / "model.safetensors").write_bytes(b"12345")
    os.symlink(tmp_path, store.root / "tmp" / "z.part")
    gone = collect(store)
    assert gone.drafts == ("y.part", "z.part") and gone.bytes == 5 + len(str(tmp_path))
    assert (tmp_path / "weights.safetensors").exists() and not collect(store).drafts


def test_a_folder_of_other_files_is_no_store(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "film.part").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_text("")
    for call in (collect, verify, Store.names):
        assert codes(found(call, Store(tmp_path))) == ["CC1400"]
    assert (tmp_path / "tmp" / "film.part").exists()
    (tmp_path / "empty").mkdir()
    assert Store(tmp_path / "empty").names() == []


def test_what_is_collected_meanwhile_is_no_finding(tmp_path, monkeypatch):
    store = store_with(tmp_path, "v1")
    with store.writing() as writer:
        for i in range(3):
            writer.put([bytes([i])])
    listed = list(verifying.files(store))

    def files(store):
        for path in listed:
            collect(store)
            yield path

    monkeypatch.setattr(verifying, "files", files)
    found = verify(store)
    assert not found.findings and found.blobs == 2


def test_all_that_is_wrong_is_found_in_one_run(tmp_path):
    store = store_with(tmp_path, "v1", "v2", "v3")
    truncate(blob_of(store, "v1"))
    os.unlink(blob_of(store, "v2"))
    (store.root / "blobs" / "sha256" / "stray").write_text("")
    store.aliases.write({"models/edges": {"a": "a"}, "models/none": {"b": "v1"}})
    in_parts(store, "whole", "v1", {"a": arrays(w=(2,))})
    assert codes(verify(store).findings) == ["CC1408", "CC1409", "CC1410", "CC1411", "CC1417"]
    assert store.tensors(store.version("models/edges", "v3")) and store.tensors(store.version("whole"))


def test_a_store_that_is_not_there_or_may_not_be_written(tmp_path):
    for call in (verify, collect, Store.names):
        assert codes(found(call, Store(tmp_path / "none"))) == ["CC1400"]
    assert codes(found(Store(tmp_path / "none").version, "a")) == ["CC1400"]
    (tmp_path / "file").write_text("")
    assert codes(found(add, Store(tmp_path / "file"), weights_file(tmp_path, edges()), "m", "v1")) == ["CC1413"]
