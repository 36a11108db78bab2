"""Checkpoints become versions of many parts, copied in pieces; splits and shards that do not fit are told."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from chunkc.compiler.codes import CODES
from chunkc.compiler.diagnostics import CompileError
from chunkc.store.importing import import_checkpoint
from chunkc.store.names import names_below
from chunkc.store.renaming import renamed
from chunkc.store.splitting import parse_split
from chunkc.store.store import Store

INSIDE = ("norm.weight", "experts.0.w", "experts.1.w", "attention.q.weight")
NAMES = ["embed.weight", *(f"model.layers.{i}.{name}" for i in range(3) for name in INSIDE)]


def values():
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal((4, 3 + i)).astype(np.float32) for i, name in enumerate(NAMES)}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(values(), path)
    return str(path)


def read(place):
    with open(place.blob.path, "rb") as file:
        file.seek(place.start)
        return np.frombuffer(file.read(place.bytes), np.float32).reshape(place.shape)


SPLITS = {
    "": [""],
    "model.layers.{layer}": ["", "model.layers.0", "model.layers.1", "model.layers.2"],
    "model.layers.{layer}.experts.{expert}": ["", *(f"model.layers.{i}.experts.{k}" for i in range(3) for k in range(2))],
    "embed, model": ["embed", "model"],
    "auto": ["", *(f"model.layers.{i}{end}" for i in range(3) for end in ("", ".experts.0", ".experts.1"))],
    "model.layers.{layer}, model.layers.{layer}.experts.{expert}": [
        *["", *(f"model.layers.{i}{end}" for i in range(3) for end in ("", ".experts.0", ".experts.1"))]
    ],
}


@pytest.mark.parametrize("split", SPLITS)
def test_splits(store, checkpoint, split):
    told = []
    manifest = import_checkpoint(store, checkpoint, "m@v1", split, progress=lambda *told_: told.append(told_))
    assert sorted(manifest.parts) == sorted(SPLITS[split])
    found = store.tensors(store.version("m", "v1"))
    assert {name: read(place).tolist() for name, place in found.items()} == {n: v.tolist() for n, v in values().items()}
    total = sum(value.nbytes for value in values().values())
    assert [one[0] for one in told] == sorted(SPLITS[split]) and told[-1][1:] == (total, total)


def test_the_same_import_is_the_same_version(store, checkpoint):
    first = import_checkpoint(store, checkpoint, "m@v1", "auto")
    assert import_checkpoint(store, checkpoint, "m@v1", "auto").sha256 == first.sha256
    with pytest.raises(CompileError, match="CC1405"):
        import_checkpoint(store, checkpoint, "m@v1")


def test_a_folder_in_shards_and_its_program(store, tmp_path):
    folder = tmp_path / "sharded"
    folder.mkdir()
    (folder / "model.cc").write_text("model m {}\n")
    homes = {name: f"{'b' if '1' in name else 'a'}.safetensors" for name in NAMES}
    for shard in set(homes.values()):
        save_file({name: value for name, value in values().items() if homes[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": homes}))
    manifest = import_checkpoint(store, str(folder), "m@v1", "model.layers.{i}")
    assert manifest.kind == "model" and set(store.tensors(manifest)) == set(NAMES)
    without = import_checkpoint(store, str(folder / "model.safetensors.index.json"), "m@v2", "model.layers.{i}")
    assert without.kind == "weights" and without.parts == manifest.parts


RENAMES = {
    "a.b=x": {"a.b.w": "x.w", "c.a.b": "c.x", "a.bb": "a.bb"},
    "h.{i}.mlp=layers.{i}": {"h.3.mlp.w": "layers.3.w", "t.h.11.mlp": "t.layers.11", "h.mlp": "h.mlp"},
    "w=": {"a.w": "a", "a.w.b": "a.b"},
    "model=": {"model.w": "w", "my.model.w": "my.w", "models.w": "models.w"},
    "{a}.{b}={b}.{a}": {"x.y": "y.x", "x.y.z": "y.x.z"},
}


@pytest.mark.parametrize("text", RENAMES)
def test_renames(text):
    old, _, new = text.partition("=")
    assert renamed(RENAMES[text], {old: new}) == RENAMES[text]


def test_tensors_are_renamed_before_they_are_split(store, checkpoint):
    rename = {"model.layers.{i}": "blocks.{i}", "experts.{e}.w": "expert.{e}.linear_1.weight"}
    manifest = import_checkpoint(store, checkpoint, "m@v1", "blocks.{i}", rename=rename)
    assert sorted(manifest.parts) == ["", "blocks.0", "blocks.1", "blocks.2"]
    found = store.tensors(manifest, "blocks.1")
    assert np.array_equal(read(found["expert.0.linear_1.weight"]), values()["model.layers.1.experts.0.w"])


@pytest.mark.parametrize(
    ("rename", "told"),
    [
        ({"model.layer.{i}": "x.{i}"}, "CC1437 no tensor has `model.layer.{i}` in its name (did you mean `model.layers.{i}`?)"),
        ({"model.layers.{i}": "layers"}, "CC1436 `model.layers.1.attention.q.weight` and `model.layers.0"),
        ({"embed.weight": ""}, "CC1436 no name is left of `embed.weight`"),
        ({"model.{i}": "x.{j}"}, "CC1437 this renames nothing: `{j}` stands on the right alone"),
        ({"{i}.{i}": "x"}, "CC1437 this renames nothing: `{i}` stands twice on the left"),
        ({"a..b": "x"}, "CC1437 this renames nothing: `.` is no component"),
        ({"": "x"}, "CC1437"),
    ],
)
def test_renames_that_do_not_fit(store, checkpoint, rename, told):
    with pytest.raises(CompileError) as caught:
        import_checkpoint(store, checkpoint, "m@v1", rename=rename)
    (found,) = caught.value.diagnostics
    assert told in f"{found.code} {found.message} ({found.hint})"


def test_a_cache_of_links_is_followed(store, tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    save_file(values(), tmp_path / "blobs" / "0123")
    (tmp_path / "snapshots" / "model.safetensors").symlink_to("../blobs/0123")
    assert set(store.tensors(import_checkpoint(store, str(tmp_path / "snapshots"), "m@v1"))) == set(NAMES)


def code_of(store, source, named="m@v1", split="", **options):
    with pytest.raises(CompileError) as caught:
        import_checkpoint(store, source, named, split, **options)
    (found,) = caught.value.diagnostics
    assert found.code in CODES and found.hint
    assert not store.root.exists() or not store.index.read().rows
    return f"{found.code} {found.message} ({found.hint})"


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ("model.layer.{i}", "CC1437 the pattern `model.layer.{…}` fits no tensor (did you mean `model.layers.{i}`?)"),
        ("blocks.{i}, embed", "CC1437 the pattern `blocks.{…}` fits no tensor (they begin with `embed`, `model`, "),
        ("model..x", "CC1437 `model..x` is no pattern of names"),
        ("model.{i", "CC1437"),
        ("model.{i}.{i}", "CC1437 `{i}` stands twice"),
    ],
)
def test_splits_that_do_not_fit(store, checkpoint, split, told):
    assert told in code_of(store, checkpoint, split=split)


def test_sources_that_are_none(store, checkpoint, tmp_path):
    assert code_of(store, str(tmp_path / "none.safetensors")).startswith("CC1423")
    assert code_of(store, "models:x@v1").startswith("CC1421")
    assert code_of(store, checkpoint, "m").startswith("CC1402")
    (tmp_path / "model.bin").write_bytes(b"")
    assert code_of(store, str(tmp_path / "model.bin")).startswith("CC1425 `model.bin` is a pickle")
    (tmp_path / "short.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:-4])
    assert code_of(store, str(tmp_path / "short.safetensors")).startswith("CC1404")
    save_file({"alone": np.zeros(3, np.float32)}, tmp_path / "plain.safetensors")
    assert "no tensor has a number" in code_of(store, str(tmp_path / "plain.safetensors"), split="auto")


@pytest.mark.parametrize("old, split", [("embed.weight", ""), ("experts.1.w", "model.layers.{i}")])
def test_no_tensor_has_the_name_of_the_notes(store, checkpoint, old, split):
    told = code_of(store, checkpoint, split=split, rename={old: "__metadata__"})
    assert told.startswith("CC1437 `") and "no tensor of a safetensors file is called `__metadata__`" in told


@given(st.text(max_size=20), st.lists(st.text(max_size=12), max_size=5))
def test_any_split_gives_parts_or_a_diagnostic(text, names):
    try:
        parts = parse_split(text).parts(names)
    except CompileError as error:
        assert error.diagnostics[0].code == "CC1437"
        return
    assert sorted(name for found in parts.values() for name in found) == sorted(names)
    assert all(not part or name.startswith(f"{part}.") for part, found in parts.items() for name in found)


DOTTED = st.lists(st.sampled_from(["a", "b", "a-", "a/", "0", "10", ""]), max_size=4).map(".".join)


@given(st.lists(DOTTED), DOTTED)
def test_names_below_a_part(names, part):
    assert names_below(names, part) == sorted(name for name in names if name.startswith(f"{part}."))


def sparse(path, layers, each):
    """A checkpoint of zeros that takes no room on the disk."""
    size = each * 4
    offsets = {f"layers.{i}.w": [i * size, (i + 1) * size] for i in range(layers)}
    entries = {name: {"dtype": "F32", "shape": [each], "data_offsets": both} for name, both in offsets.items()}
    header = json.dumps(entries).encode()
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + layers * size)
    return str(path)


def test_memory_holds_a_piece(store, tmp_path):
    source = sparse(tmp_path / "large.safetensors", 2, 8 << 20)
    tracemalloc.start()
    try:
        import_checkpoint(store, source, "m@v1", "auto")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 << 20  # of 64 MiB


@pytest.mark.slow
def test_memory_holds_a_piece_of_a_gibibyte(tmp_path):
    source = sparse(tmp_path / "large.safetensors", 16, 16 << 20)
    script = (
        "import resource, sys; from chunkc.store.importing import import_checkpoint; from chunkc.store.store import Store\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); import_checkpoint(Store(sys.argv[1]), sys.argv[2], 'm@v1', 'layers.{i}'); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "s", source], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64 << 10  # KiB, of 1 GiB
