"""Snapshots of what serves: the same object until something moves, whole ones only, and none that does not fit."""

import os
import threading
import time
import warnings

import pytest
from stores import arrays, edges, in_parts, store_with, weights_file

from chunkc.compiler.diagnostics import CompileError
from chunkc.store.adding import add
from chunkc.store.resolver import Resolver
from chunkc.store.serving import Serving
from chunkc.store.store import Store


def stable(tmp_path, *versions):
    store = store_with(tmp_path, *versions)
    store.alias("models/edges", "stable", "v1")
    return store


def serving(store, tmp_path, *handles, **options):
    return Serving(Resolver(store, tmp_path), {f"part{i}": handle for i, handle in enumerate(handles)}, **options)


def test_an_alias_that_moves_gives_another_snapshot(tmp_path):
    store = stable(tmp_path, "v1", "v2")
    versions = serving(store, tmp_path, "models/edges@stable#encoder", "models/edges@stable#head")
    first = versions.now()
    assert versions.now() is first
    store.alias("models/edges", "stable", "v1")
    add(store, weights_file(tmp_path, arrays(a=(3,))), "models/other", "v1")
    assert versions.now() is first
    store.alias("models/edges", "stable", "v2")
    second = versions.now()
    assert second is not first and {part.sha256 for part in second.values()} == {store.version("models/edges", "v2").sha256}
    assert first["part0"].sha256 == store.version("models/edges", "v1").sha256
    assert versions.now() is second


def test_no_snapshot_mixes_versions(tmp_path):
    store = Store(tmp_path / "s")
    for version in range(2):
        in_parts(store, "m", f"v{version}", {f"expert.{i}": arrays(10 * version + i, w=(4,)) for i in range(6)})
    store.alias("m", "stable", "v0")
    versions = serving(store, tmp_path, *(f"m@stable#expert.{i}" for i in range(6)))
    seen, stop = set(), threading.Event()

    def ask():
        while not stop.is_set():
            found = {part.location.partition("#")[0] for part in versions.now().values()}
            assert len(found) == 1
            seen.update(found)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 10
    while time.monotonic() < until and len(seen) < 2:
        for version in ("v1", "v0", "v1"):
            store.alias("m", "stable", version)
    stop.set()
    for thread in threads:
        thread.join()
    assert seen == {"m@v0", "m@v1"}
    assert {part.location.partition("#")[0] for part in versions.now().values()} == {"m@v1"}


@pytest.mark.parametrize(
    "other, says",
    [
        ({**edges(), "head.weight": arrays(w=(5, 8))["w"]}, "has `weight` as f32[5, 8], not f32[5, 7]"),
        ({**edges(), "head.weight": edges()["head.weight"].astype("float64")}, "has `weight` as f64[5, 7], not f32[5, 7]"),
        ({**edges(), "head.bias": arrays(w=(5,))["w"]}, "has `bias`"),
        ({"head.other": arrays(w=(5,))["w"]}, "has `other`; has no `weight`"),
    ],
)
def test_what_does_not_fit_is_told_once_and_not_served(tmp_path, other, says):
    store = stable(tmp_path, "v1", "v2")
    versions = serving(store, tmp_path, "models/edges@stable#head")
    first = versions.now()
    add(store, weights_file(tmp_path, other), "models/edges", "v3")
    store.alias("models/edges", "stable", "v3")
    with pytest.warns(RuntimeWarning) as told:
        assert versions.now() is first
    (one,) = told
    assert "CC1415: the chunk `part0` cannot take `models/edges@v3#head`" in str(one.message) and says in str(one.message)
    assert "move the alias back to models/edges@v1#head" in str(one.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert versions.now() is first
        store.alias("models/edges", "stable", "v2")
        assert versions.now()["part0"].location == "models/edges@v2#head"


def test_what_cannot_be_read_leaves_the_version_before(tmp_path):
    store = stable(tmp_path, "v1", "v2")
    versions = serving(store, tmp_path, "models/edges@stable")
    first = versions.now()
    store.aliases.path.write_text("garbage [")
    with pytest.warns(RuntimeWarning, match="CC1401.*aliases.toml:1:9"):
        assert versions.now() is first
    store.aliases.path.unlink()
    with pytest.warns(RuntimeWarning, match="CC1406.*stable"):
        assert versions.now() is first
    store.alias("models/edges", "stable", "v2")
    assert versions.now() is not first


def test_what_may_be_missing_comes_when_its_blob_does(tmp_path):
    store = stable(tmp_path, "v1")
    (blob,) = store.files(store.version("models/edges"))
    os.unlink(blob.path)
    with pytest.raises(CompileError) as caught:
        serving(store, tmp_path, "models/edges@stable", "models/edges@newest")
    assert {one.code for one in caught.value.diagnostics} == {"CC1408", "CC1406"}
    versions = serving(store, tmp_path, "models/edges@stable", "file:own.safetensors", optional={"part0", "part1"})
    none = versions.now()
    assert not none and versions.now() is none
    assert {path: one.code for path, (one,) in versions.missing().items()} == {"part0": "CC1408", "part1": "CC1423"}
    add(store, weights_file(tmp_path, edges()), "models/edges", "v1")
    assert set(versions.now()) == {"part0"}
    weights_file(tmp_path, edges(3), "own.safetensors")
    both = versions.now()
    assert set(both) == {"part0", "part1"} and not versions.missing()
    weights_file(tmp_path, edges(4), "own.safetensors")
    assert versions.now() is not both


def test_the_version_that_was_compiled_is_what_others_must_fit(tmp_path):
    store = stable(tmp_path, "v1", "v2")
    resolver = Resolver(store, tmp_path)
    first = {"": resolver.resolve("models/edges@stable#head")}
    add(store, weights_file(tmp_path, {"head.weight": arrays(w=(2,))["w"]}), "models/edges", "v3")
    store.alias("models/edges", "stable", "v3")
    versions = Serving(resolver, {"": "models/edges@stable#head"}, first)
    with pytest.warns(RuntimeWarning, match="the model cannot take"):
        assert versions.now() == first


def test_asking_is_cheap(tmp_path):
    versions = serving(stable(tmp_path, "v1"), tmp_path, *["models/edges@stable#head"] * 64)
    versions.now()
    start = time.perf_counter()
    for _ in range(1000):
        versions.now()
    assert time.perf_counter() - start < 0.2
