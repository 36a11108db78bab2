"""What is added comes back: by version, alias, pin and part; what cannot be is refused, and the store stays as it was."""

import numpy as np
import pytest
from stores import arrays, edges, in_parts, read, store_with, weights_file

from chunkc.compiler.diagnostics import CompileError
from chunkc.store.adding import add
from chunkc.store.store import Store


def refused(call, *arguments):
    with pytest.raises(CompileError) as caught:
        call(*arguments)
    (one,) = caught.value.diagnostics
    assert one.hint
    return one


def test_what_is_added_comes_back_by_version_alias_and_pin(tmp_path):
    store = store_with(tmp_path, "v1", "v2")
    store.alias("models/edges", "newest", "v2")
    store.alias("models/edges", "stable", "newest")
    v2 = store.version("models/edges", "v2")
    assert store.version("models/edges", "stable") == v2 == store.version("models/edges", f"sha256:{v2.sha256}")
    assert (v2.kind, v2.location, v2.version) == ("weights", "models/edges@v2", "v2")
    places = store.tensors(v2)
    assert list(places) == sorted(edges())
    for name, value in edges(1).items():
        assert np.array_equal(read(places[name]), value)
        assert places[name].dtype == "f32"
    store.alias("models/edges", "newest", "v1")
    assert store.version("models/edges", "stable").version == "v1"


def test_a_part_is_what_lies_below_a_prefix(tmp_path):
    store = store_with(tmp_path, "v1")
    part = store.tensors(store.version("models/edges"), "encoder.linear_1")
    assert list(part) == ["bias", "weight"]
    assert np.array_equal(read(part["weight"]), edges()["encoder.linear_1.weight"])
    one = refused(store.tensors, store.version("models/edges"), "encoder.linear_2")
    assert one.code == "CC1407" and "did you mean `encoder.linear_1`?" in one.hint
    assert refused(store.tensors, store.version("models/edges"), "scale").code == "CC1407"


def test_parts_flatten_together(tmp_path):
    store = Store(tmp_path / "s")
    layers = {f"layers.{i}": arrays(i, linear__weight=(4, 4), bias=(3,)) for i in range(11)}
    rest = arrays(99, embed=(5,), layers__norm=(6,))
    manifest = in_parts(store, "m", "v1", {**layers, "": rest})
    assert store.version("m") == manifest
    assert len(store.tensors(manifest)) == 24
    below = store.tensors(manifest, "layers")
    assert len(below) == 23 and np.array_equal(read(below["10.linear.weight"]), layers["layers.10"]["linear.weight"])
    assert np.array_equal(read(below["norm"]), rest["layers.norm"])
    one = store.tensors(manifest, "layers.1")
    assert sorted(one) == ["bias", "linear.weight"] and np.array_equal(read(one["bias"]), layers["layers.1"]["bias"])
    assert list(store.tensors(manifest, "layers.1.linear")) == ["weight"]
    assert len(store.files(manifest, "layers.1")) == 2


def test_the_same_content_is_one_blob_and_one_version(tmp_path):
    store = store_with(tmp_path, "v1")
    first = store.version("models/edges", "v1")
    values = dict(reversed(edges().items()))
    again = add(store, weights_file(tmp_path, values, "other.safetensors"), "models/other", "v7")
    assert again.sha256 == first.sha256 and again.blobs == first.blobs
    assert add(store, weights_file(tmp_path, values), "models/edges", "v1") == first
    assert len([p for p in store.root.rglob("*") if len(p.name) == 64]) == 2
    one = refused(add, store, weights_file(tmp_path, edges(5)), "models/edges", "v1")
    assert one.code == "CC1405" and "add it as another" in one.hint
    assert store.version("models/edges", "v1") == first
