"""Writers that are killed, that run out of room, and that run at once: the store verifies clean, and what was there is served."""

import errno
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
from crashing import STEPS, begun, counted, ended, in_child, killed_at, refused
from stores import arrays, edges, read, store_with, weights_file

from chunkc.compiler.diagnostics import CompileError
from chunkc.store.adding import add
from chunkc.store.collecting import collect
from chunkc.store.store import Store
from chunkc.store.verifying import verify


def assert_unharmed(store, *versions):
    """Clean, and serves these versions of `edges`."""
    again = Store(store.root)
    assert verify(again).findings == []
    for seed, version in enumerate(versions):
        places = again.tensors(again.version("models/edges", version))
        assert all(np.array_equal(read(places[name]), value) for name, value in edges(seed).items())


def drafts(store):
    return [path.name for path in (store.root / "tmp").iterdir() if path.suffix == ".part"]


def test_a_writer_may_be_killed_at_every_step(tmp_path):
    store = store_with(tmp_path, "v1")
    file = weights_file(tmp_path, edges(1))
    at = 0
    while killed_at(at, lambda: add(store, file, "models/edges", "v2")):
        assert_unharmed(store, "v1")
        at += 1
        if at % 4 == 0:
            collect(store)
            assert not drafts(store)
        else:
            # What was left is no hindrance.
            assert add(store, file, "models/other", f"v{at}").bytes == store.version("models/edges", "v1").bytes
    assert at >= 12
    assert_unharmed(store, "v1", "v2")


def test_the_first_writer_may_be_killed_too(tmp_path):
    file = weights_file(tmp_path, edges())
    at = 0
    while killed_at(at, lambda: add(Store(tmp_path / f"s{at}"), file, "models/edges", "v1")):  # noqa: B023
        store = Store(tmp_path / f"s{at}")
        if store.root.is_dir():
            assert verify(store).findings == []
        at += 1
    assert at >= 15
    for left in range(0, at, 4):
        store = Store(tmp_path / f"s{left}")
        add(store, file, "models/edges", "v1")
        assert_unharmed(store, "v1")


def test_an_alias_may_be_killed_at_every_step(tmp_path):
    store = store_with(tmp_path, "v1", "v2")
    store.alias("models/edges", "stable", "v1")
    at = 0
    while killed_at(at, lambda: store.alias("models/edges", "stable", "v2")):
        assert store.version("models/edges", "stable").version in ("v1", "v2")
        assert_unharmed(store, "v1", "v2")
        at += 1
    assert at >= 4 and store.version("models/edges", "stable").version == "v2"


def test_a_command_may_be_killed_while_it_writes(tmp_path):
    store = store_with(tmp_path, "v1")
    weights_file(tmp_path, arrays(big=(8 << 20,)), "big.safetensors")
    for name in map("models/big{}".format, range(10)):
        command = [sys.executable, "-m", "chunkc", "store", "add", "big.safetensors", "--as", f"{name}@v1"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        while not drafts(store) and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        process.wait()
        if drafts(store):
            break  # else it was quicker than this test
    assert_unharmed(store, "v1")
    with pytest.raises(CompileError, match=f"nothing is stored as `{name}`"):
        store.version(name)
    assert collect(store).drafts and not drafts(store)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_at_every_step(tmp_path, error, monkeypatch):
    store = store_with(tmp_path, "v1")
    file = weights_file(tmp_path, edges(1))
    real = {name: getattr(os, name) for name in STEPS}
    said = 0
    for at in range(100):
        stopped: list[int] = []
        with monkeypatch.context() as patch:
            for name in STEPS:
                patch.setattr(os, name, real[name])
            counted(at, lambda: (stopped.append(1), refused(error)), real)  # noqa: B023
            try:
                add(store, file, "models/edges", f"w{at}")
            except CompileError as wrong:
                (one,) = wrong.diagnostics
                assert one.code == "CC1412" and "no room" in one.message and "--store" in one.hint
                said += 1
        assert not drafts(store)
        assert_unharmed(store, "v1")
        if not stopped:
            break
    assert said >= 12 and not stopped


def test_a_disk_that_is_really_full(tmp_path):
    (tmp_path / "small").mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(tmp_path / "small")]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mounting, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting takes rights that this process does not have")
    try:
        store = store_with(tmp_path / "small", "v1")
        with pytest.raises(CompileError) as caught:
            add(store, weights_file(tmp_path, arrays(big=(1 << 16,)), "big.safetensors"), "models/big", "v1")
        assert caught.value.diagnostics[0].code == "CC1412"
        assert not drafts(store)
        assert_unharmed(store, "v1")
        add(store, weights_file(tmp_path, edges(1)), "models/edges", "v2")
        assert_unharmed(store, "v1", "v2")
    finally:
        subprocess.run(["umount", str(tmp_path / "small")], check=True)


def test_a_limit_on_the_size_of_files(tmp_path):
    store = store_with(tmp_path, "v1")
    file = weights_file(tmp_path, arrays(big=(1 << 16,)), "big.safetensors")

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            add(store, file, "models/big", "v1")
        except CompileError as error:
            os._exit(7 if error.diagnostics[0].code == "CC1412" else 8)

    assert in_child(limited) == 7
    assert not drafts(store)
    assert_unharmed(store, "v1")


def test_writers_and_a_collector_at_once(tmp_path):
    store = store_with(tmp_path, "v1")
    files = [weights_file(tmp_path, edges(seed), f"w{seed}.safetensors") for seed in range(10)]

    def writer(own):
        def work():
            mine, refused = Store(store.root), 0
            for turn in range(6):
                add(mine, files[own], f"models/of{own}", f"v{turn}")
                mine.alias(f"models/of{own}", "stable", f"v{turn}")
                try:
                    add(mine, files[own], "models/contested", f"v{turn}")
                except CompileError as error:
                    assert error.diagnostics[0].code == "CC1405"
                    refused += 1
            os._exit(10 + refused)

        return work

    def collector():
        for _ in range(20):
            collect(Store(store.root))

    children = [begun(work) for work in (*(writer(own) for own in range(4)), collector)]
    ends = [ended(child) for child in children]
    assert ends[4] == 0 and all(10 <= end <= 16 for end in ends[:4])
    assert sum(end - 10 for end in ends[:4]) == 18, "of four contents for a version one is taken"
    assert_unharmed(store, "v1")
    again = Store(store.root)
    assert sum(len(again.versions(f"models/of{own}")) for own in range(4)) == 24
    assert len(again.versions("models/contested")) == 6
    assert [again.version(f"models/of{own}", "stable").version for own in range(4)] == ["v5"] * 4


def test_a_collector_waits_for_a_writer(tmp_path):
    store = store_with(tmp_path, "v1")
    told = []
    with store.writing() as writer:
        blob = writer.put([b"not referred to yet"])
        child = os.fork()
        if child == 0:
            collect(store, lambda: os.write(2, b""))
            os._exit(0)
        time.sleep(0.05)
        assert os.waitpid(child, os.WNOHANG) == (0, 0) and os.path.exists(blob.path)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not os.path.exists(blob.path)
    collect(store, lambda: told.append(1))
    assert not told
    assert_unharmed(store, "v1")
