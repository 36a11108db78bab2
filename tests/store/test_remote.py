"""What lies behind URLs is fetched once into the store, found there again by a lock, and never half."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
from safetensors.numpy import save, save_file

from chunkc.compiler.codes import CODES
from chunkc.compiler.diagnostics import CompileError
from chunkc.store import urls
from chunkc.store.importing import import_checkpoint
from chunkc.store.lockfile import Lock, read_lock, text_of
from chunkc.store.resolver import Resolver
from chunkc.store.store import Store
from chunkc.store.verifying import verify

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def tensors(*names, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((5, 3)).astype(np.float32) for name in names}


def shards():
    """A checkpoint in two shards, and what lies beside it."""
    homes = {"layers.0.w": "a.safetensors", "layers.1.w": "b.safetensors"}
    files = {shard: save(tensors(*(name for name in homes if homes[name] == shard))) for shard in homes.values()}
    files["model.safetensors.index.json"] = json.dumps({"weight_map": homes}).encode()
    return {**files, "pytorch_model.bin": b"never asked for"}


class Server(ThreadingHTTPServer):
    """Gives files below `/files/`, and a repository of Hugging Face, `org/repo`. `asked`: the files whose content was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.repository, self.asked, self.queries = {}, {}, [], []
        self.gone, self.large = ("none", {}), True  # a commit before, and whether files are kept by their content
        self.short, self.commit, self.lie, self.status, self.others = 0, COMMIT, False, 0, 404
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        server, (path, _, query) = self.server, self.path.partition("?")
        server.queries += [query]
        if server.status:
            return self.send_error(server.status)
        if path.startswith("/api/models/org/repo/revision/"):
            return self.answer(json.dumps(self.listing(path.rpartition("/")[2])).encode(), {}, body)
        commits = {server.commit: server.repository, server.gone[0]: server.gone[1]}
        places = {"/files/": server.files, **{f"/org/repo/resolve/{one}/": files for one, files in commits.items()}}
        for start, files in places.items():
            name = path.removeprefix(start)
            if path.startswith(start) and name in files:
                digest = hashlib.sha256(files[name]).hexdigest()
                headers = {"X-Repo-Commit": start.split("/")[-2], "ETag": f'"{digest}"', "X-Linked-Etag": f'"{digest}"'}
                server.asked += [name] if body else []
                return self.answer(files[name], headers, body, server.short)
        self.send_error(server.others)

    def listing(self, revision):
        files = self.server.repository
        lied = "0" * 64 if self.server.lie else ""
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": "0" * 40}
            | (
                {"lfs": {"sha256": lied or hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}}
                if self.server.large
                else {}
            )
            for name, data in files.items()
        ]
        return {"_id": "0", "id": "org/repo", "sha": self.server.commit, "siblings": siblings, "revision": revision}

    def answer(self, data, headers, body, short=0):
        self.send_response(200)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data[: len(data) - short])
            if short:
                self.close_connection = True


@pytest.fixture
def server(monkeypatch):
    pytest.importorskip("aiohttp")
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setattr(urls, "PATIENCE", 5)
        yield found
        found.shutdown()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def told(resolver, handle):
    with pytest.raises(CompileError) as caught:
        resolver.resolve(handle)
    (found,) = caught.value.diagnostics
    assert found.code in CODES and found.hint
    return f"{found.code} {found.message} ({found.hint})"


def clean(store):
    """Nothing half is left, and every blob is what its name says."""
    assert not [one for one in (store.root / "tmp").iterdir() if one.suffix == ".part"]
    return not verify(store).findings


def test_a_url_is_fetched_into_the_store(memory, store, tmp_path):
    memory.pipe("/bucket/model.safetensors", save(tensors("head.w", "tail.w")))
    found = Resolver(store, tmp_path).resolve("memory://bucket/model.safetensors#head")
    assert set(found.tensors) == {"w"} and found.sha256 == found.blobs[0].sha256
    assert found.blobs[0].path.startswith(str(store.root)) and clean(store)
    assert store.fetched("memory://bucket/model.safetensors").sha256 == found.sha256


def test_only_shards_that_are_needed_are_fetched(memory, store, tmp_path):
    memory.pipe({f"/bucket/{name}": data for name, data in shards().items()})
    found = Resolver(store, tmp_path).resolve("memory://bucket/model.safetensors.index.json#layers.1")
    assert set(found.tensors) == {"w"} and len(found.blobs) == 2
    assert store.fetched("memory://bucket/a.safetensors") is None


def test_a_lock_finds_it_without_fetching(memory, store, tmp_path):
    handle = "memory://bucket/model.safetensors.index.json"
    memory.pipe({f"/bucket/{name}": data for name, data in shards().items()})
    found, entry = Resolver(store, tmp_path).entry(handle)
    (tmp_path / "chunkc.lock").write_text(text_of({handle: entry}))
    lock = read_lock(tmp_path / "chunkc.lock")
    assert lock.entries == {handle: entry}
    memory.store.clear()
    again = Resolver(store, tmp_path, lock, offline=True).resolve(handle)
    assert again == found
    assert "no lock says" in told(Resolver(store, tmp_path, offline=True), handle)
    empty = Resolver(Store(tmp_path / "other"), tmp_path, lock, offline=True)
    assert told(empty, handle).startswith("CC1428 nothing is fetched with `--offline`, and the store has not all files")
    memory.pipe({f"/bucket/{name}": data for name, data in shards().items()})
    memory.pipe("/bucket/a.safetensors", save(tensors("layers.0.w", seed=1)))
    assert told(Resolver(Store(tmp_path / "third"), tmp_path, lock), handle).startswith("CC1432")


def test_pins_hold(memory, store, tmp_path):
    memory.pipe("/b/m.safetensors", save(tensors("w")))
    pin = "0" * 64
    found = told(Resolver(store, tmp_path), f"memory://b/m.safetensors@sha256:{pin}")
    assert found.startswith(f"CC1431 it is pinned to sha256 {pin}")


def test_what_is_no_weights(memory, store, tmp_path):
    resolver = Resolver(store, tmp_path)
    memory.pipe({"/b/m.pt": b"x", "/b/m.safetensors": b"x" * 40})
    assert told(resolver, "memory://b/m.pt").startswith("CC1425 `m.pt` is a pickle")
    assert store.fetched("memory://b/m.pt") is None
    assert told(resolver, "memory://b/m.safetensors").startswith("CC1404")
    assert told(resolver, "memory://b/none.safetensors").startswith("CC1423 there is nothing at memory://b/none.safetensors")
    assert told(resolver, "memory://b/").startswith("CC1423 a URL that ends in `/` names no file")
    assert "did you mean `memory`?" in told(resolver, "memoryy://b/m.safetensors")


def test_what_is_too_large(memory, store, tmp_path, monkeypatch):
    monkeypatch.setattr(urls, "LARGEST", 100)
    memory.pipe("/b/m.safetensors", save(tensors("w")))
    assert "CC1430" in told(Resolver(store, tmp_path), "memory://b/m.safetensors")


@pytest.mark.parametrize(("scheme", "extra"), [("s3", "chunkc[s3]"), ("gs", "chunkc[gs]"), ("abfs", "adlfs")])
def test_a_library_that_is_missing_is_named(store, tmp_path, monkeypatch, scheme, extra):
    def missing(name):
        raise ImportError("install adlfs to read it")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    found = told(Resolver(store, tmp_path), f"{scheme}://bucket/m.safetensors")
    assert found.startswith(f"CC1429 `{scheme}:` needs a library") and extra in found


def test_the_url_tells_who_serves_it(store, tmp_path):
    found = told(Resolver(store, tmp_path), "ftp://127.0.0.1:1/m.safetensors")
    assert found.startswith("CC1430 ftp://127.0.0.1:1/m.safetensors could not be fetched") and "refused" in found


def test_the_library_of_repositories_may_be_missing(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'chunkc[hf]'" in told(Resolver(store, tmp_path), "hf:org/repo")


def test_a_full_disk_is_told_as_such(memory, store, tmp_path, monkeypatch):
    memory.pipe("/b/m.safetensors", save(tensors("w")))

    def full(handle, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert told(Resolver(store, tmp_path), "memory://b/m.safetensors").startswith("CC1412")
    monkeypatch.undo()
    assert clean(store)


def test_what_was_kept_and_is_damaged(memory, store, tmp_path):
    handle = "memory://b/m.cc"
    memory.pipe("/b/m.cc", b"model m {}\n")
    found, entry = Resolver(store, tmp_path).entry(handle)
    path = Path(found.blobs[0].path)
    path.chmod(0o644)
    path.write_bytes(b"model n {}\n")
    assert told(Resolver(store, tmp_path, Lock("chunkc.lock", {handle: entry}), offline=True), handle).startswith("CC1409")


def test_http(server, store, tmp_path):
    server.files["m.safetensors"] = save(tensors("w") | {"large": np.zeros(3 << 20, np.float32)})
    resolver = Resolver(store, tmp_path)
    found = resolver.resolve(f"{server.url}/files/m.safetensors")
    assert found.sha256 == hashlib.sha256(server.files["m.safetensors"]).hexdigest()
    assert resolver.resolve(f"{server.url}/files/m.safetensors") is found and server.asked == ["m.safetensors"]
    assert told(resolver, f"{server.url}/files/none.safetensors").startswith("CC1423")


def test_http_with_a_query(server, store, tmp_path):
    server.files["m.safetensors"] = save(tensors("a.w"))
    handle = f"{server.url}/files/m.safetensors?key=a/b.bin#a"
    found, entry = Resolver(store, tmp_path).entry(handle)
    assert set(found.tensors) == {"w"} and server.queries[-1] == "key=a/b.bin"
    assert Resolver(store, tmp_path, Lock("chunkc.lock", {handle: entry}), offline=True).resolve(handle) == found


def test_a_server_that_fails_does_not_say_that_a_file_is_missing(server, store, tmp_path):
    server.files = {name: data for name, data in shards().items() if name.endswith(".json")}
    handle = f"{server.url}/files/model.safetensors.index.json#layers.0"
    assert told(Resolver(store, tmp_path), handle).startswith("CC1435")
    for status, code in ((403, "CC1435"), (503, "CC1430")):
        server.others = status
        assert told(Resolver(store, tmp_path), handle).startswith(code)


def test_http_that_breaks_off_leaves_nothing(server, store, tmp_path):
    server.files["m.safetensors"], server.short = save(tensors("w")), 10
    assert told(Resolver(store, tmp_path), f"{server.url}/files/m.safetensors").startswith("CC1430")
    assert store.fetched(f"{server.url}/files/m.safetensors") is None and clean(store)
    for server.status in (403, 500):
        assert told(Resolver(store, tmp_path), f"{server.url}/files/m.safetensors").startswith("CC1430"), server.status
    server.server_close()
    server.shutdown()
    assert told(Resolver(store, tmp_path), f"{server.url}/files/m.safetensors").startswith("CC1430")


def test_a_repository(server, store, tmp_path):
    pytest.importorskip("huggingface_hub")
    server.repository = shards()
    found, entry = Resolver(store, tmp_path).entry("hf:org/repo@main#layers.1")
    assert found.location == f"hf:org/repo@{COMMIT}#layers.1" and set(found.tensors) == {"w"}
    assert sorted(set(server.asked)) == ["b.safetensors", "model.safetensors.index.json"]
    assert clean(store)
    server.asked.clear()
    assert Resolver(store, tmp_path).resolve("hf:org/repo#layers.1").sha256 == found.sha256
    assert not server.asked  # the server says what its files hold, and the store has that
    lock = Lock("chunkc.lock", {"hf:org/repo@main#layers.1": entry})
    assert Resolver(store, tmp_path, lock, offline=True).resolve("hf:org/repo@main#layers.1") == found
    assert told(Resolver(store, tmp_path), "hf:org/none").startswith("CC14")


def test_members_of_an_array_are_of_one_commit(server, store, tmp_path):
    pytest.importorskip("huggingface_hub")
    server.repository, server.large = shards(), False
    resolver = Resolver(store, tmp_path)
    first = resolver.resolve("hf:org/repo#layers.0")
    server.commit = COMMIT[::-1]
    server.repository = {**shards(), "b.safetensors": save(tensors("layers.1.w", seed=7))}
    server.gone = COMMIT, shards()
    second = resolver.resolve("hf:org/repo#layers.1")
    assert first.location.partition("#")[0] == second.location.partition("#")[0] == f"hf:org/repo@{COMMIT}"
    assert server.asked.count("model.safetensors.index.json") == 1
    assert Resolver(store, tmp_path).resolve("hf:org/repo#layers.1").sha256 != second.sha256


def test_a_repository_of_pickles(server, store, tmp_path):
    pytest.importorskip("huggingface_hub")
    server.repository = {"pytorch_model.bin": b"x", "config.json": b"{}"}
    assert told(Resolver(store, tmp_path), "hf:org/repo").startswith("CC1425 `pytorch_model.bin` is a pickle")
    server.repository, server.lie = {"model.safetensors": save(tensors("w"))}, True
    assert "was announced" in told(Resolver(store, tmp_path), "hf:org/repo")
    assert not server.asked.count("pytorch_model.bin")


def test_a_repository_is_imported_in_parts(server, store):
    pytest.importorskip("huggingface_hub")
    server.repository = shards()
    manifest = import_checkpoint(store, "hf:org/repo@main", "gpt@v1", "layers.{i}")
    assert set(manifest.parts) == {"layers.0", "layers.1"}
    assert import_checkpoint(store, "hf:org/repo#layers.0", "gpt@v2").parts.keys() == {""}


def test_an_onnx_file_with_data_beside_it_is_not_run_from_elsewhere(memory, store, tmp_path):
    save_file(tensors("w"), tmp_path / "w.safetensors")
    memory.pipe("/b/m.onnx", b"\x3a\x00")
    assert Resolver(store, tmp_path).resolve("onnx:memory://b/m.onnx").kind == "onnx"
