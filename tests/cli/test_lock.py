"""`chunkc lock` and `chunkc store import`: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from chunkc import CompileError, load
from chunkc.cli import group, lock
from chunkc.store.lockfile import read_lock
from chunkc.store.store import Store

EDGES = """
model edges(d: int = 4) {
  input x: f32[B, 3]
  output y = x |> linear(d)
}
"""
SPEC = """
model m(d: int = 4) {
  input x: f32[B, 3]
  chunk edges(x: f32[B, 3]) -> f32[B, d] = extern("models/edges@stable")
  chunk head[2](x) { x |> linear(d) } from "file:head.safetensors#head"
  output y = edges(x) + head[0](x) + head[1](x)
}
"""


def linear(seed, *prefixes):
    rng = np.random.default_rng(seed)
    shapes = {"linear_1.weight": (4, 3), "linear_1.bias": (4,)}
    return {f"{p}{name}": rng.standard_normal(shape).astype(np.float32) for p in prefixes for name, shape in shapes.items()}


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder with a spec, its store and a file that it names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    Path("edges.cc").write_text(EDGES)
    Path("m.cc").write_text(SPEC)
    save_file(linear(1, "head.0.", "head.1."), "head.safetensors")
    for version in (1, 2):
        save_file(linear(version, "y."), f"edges{version}.safetensors")
        added = run("store", "add", "edges.cc", "--weights", f"edges{version}.safetensors", "--as", f"models/edges@v{version}")
        assert added.exit_code == 0, added.output
    assert run("store", "alias", "models/edges@stable", "v1").exit_code == 0
    return run


def run(*arguments):
    return CliRunner().invoke(group, arguments)


def test_a_spec_is_locked_and_held_to_it(chunkc):
    result = chunkc("lock", "m.cc")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["handle", *(f"file:head.safetensors#head.{i}" for i in range(2)), "models/edges@stable"]
    assert rows[3][1:3] == ["model", "models/edges@v1"] and "3 handles, 3 new, 0 changed" in result.stderr
    text = Path("chunkc.lock").read_text()
    again = chunkc("lock", "m.cc", "--json")
    assert Path("chunkc.lock").read_text() == text and "0 new, 0 changed" in again.stderr
    told = json.loads(again.stdout)["handles"]["models/edges@stable"]
    assert told["location"] == "models/edges@v1" and told["bytes"] == 64
    assert read_lock(Path("chunkc.lock")).entries["models/edges@stable"].sha256 == told["sha256"]


def test_what_does_not_match_is_told_all_at_once(chunkc):
    assert chunkc("lock", "m.cc").exit_code == 0
    text = Path("chunkc.lock").read_text()
    chunkc("store", "alias", "models/edges@stable", "v2")
    save_file(linear(5, "head.0.", "head.1."), "head.safetensors")
    result = chunkc("lock", "m.cc")
    assert result.exit_code == 1 and result.stderr.count("error[CC1432]") == 3 and Path("chunkc.lock").read_text() == text
    assert "`chunkc.lock` locks models/edges@v1 of sha256 " in result.stderr and "; found models/edges@v2 of" in result.stderr
    assert "--update" in result.stderr
    updated = chunkc("lock", "m.cc", "--update")
    assert updated.exit_code == 0 and "0 new, 3 changed" in updated.stderr
    assert chunkc("lock", "m.cc").exit_code == 0


def test_other_specs_of_the_folder_keep_their_entries(chunkc):
    chunkc("lock", "m.cc")
    Path("other.cc").write_text(SPEC.replace("@stable", "@v2"))
    result = chunkc("lock", "other.cc")
    assert "1 new, 0 changed; 1 of others kept" in result.stderr
    assert {"models/edges@stable", "models/edges@v2"} < read_lock(Path("chunkc.lock")).entries.keys()


DAMAGED = ["version = 2", "version = 1\n[handles.x]\nkind = 3", "version", 'handles = "x"', "version = 1\nmore = 1"]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_lock_is_told(chunkc, damage):
    Path("chunkc.lock").write_text(damage)
    result = chunkc("lock", "m.cc")
    assert result.exit_code == 1 and "error[CC1433]" in result.stderr


def test_all_that_is_wrong_with_a_lock_is_told_at_its_line(chunkc):
    Path("chunkc.lock").write_text('version = 1\n[handles.a]\nkind = 3\n[handles."b c"]\n[more]\n')
    for command in ("lock", "check"):
        result = chunkc(command, "m.cc")
        told = result.stderr + result.stdout
        assert result.exit_code == 1 and told.count("CC1433") == 3 and "delete it and lock" in told
        assert all(f"chunkc.lock:{line}:" in told for line in (2, 4, 5))
    Path("chunkc.lock").unlink()
    assert chunkc("lock", "m.cc").exit_code == 0, "the remedy that was named"


def test_what_others_lock_meanwhile_stays(chunkc, monkeypatch):
    Path("other.cc").write_text(SPEC.replace("@stable", "@v2"))
    ours = lock.handles_of

    def slow(path, *arguments):
        found = ours(path, *arguments)
        if path == "m.cc":
            assert chunkc("lock", "other.cc").exit_code == 0
        return found

    monkeypatch.setattr(lock, "handles_of", slow)
    assert chunkc("lock", "m.cc").exit_code == 0
    assert {"models/edges@stable", "models/edges@v2"} < read_lock(Path("chunkc.lock")).entries.keys()


def test_what_is_done_without_is_told_and_not_locked(chunkc):
    Path("m.cc").write_text(SPEC.replace('extern("models/edges@stable")', 'extern("models/none@v1", on_missing=zero)'))
    result = chunkc("lock", "m.cc")
    assert result.exit_code == 0 and result.stderr.count("warning[CC1444]") == 1
    assert list(read_lock(Path("chunkc.lock")).entries) == [f"file:head.safetensors#head.{i}" for i in range(2)]


def test_a_lock_that_is_named_must_be_there(chunkc):
    with pytest.raises(CompileError, match="there is no lock at `none.lock`"):
        load("m.cc", lock="none.lock")


def test_handles_that_stand_for_nothing(chunkc):
    Path("m.cc").write_text(SPEC.replace("edges@stable", "edgs@stable").replace("file:head", "file:../head"))
    result = chunkc("lock", "m.cc")
    assert result.exit_code == 1 and "CC1406" in result.stderr and "CC1422" in result.stderr
    assert not Path("chunkc.lock").exists()


def test_python_handles_need_a_word(chunkc):
    Path("m.cc").write_text(SPEC.replace("models/edges@stable", "py:os.path:join"))
    assert "CC1426" in chunkc("lock", "m.cc").stderr
    result = chunkc("lock", "m.cc", "--allow-python")
    assert result.exit_code == 0, result.output
    assert read_lock(Path("chunkc.lock")).entries["py:os.path:join"].sha256 == ""


def test_offline_and_without_a_store(chunkc, monkeypatch):
    Path("m.cc").write_text(SPEC.replace("models/edges@stable", "https://localhost/x.cc"))
    assert "CC1428" in chunkc("lock", "m.cc", "--offline").stderr
    Path("chunkc-store").rename("moved")
    assert "CC1427" in chunkc("lock", "m.cc").stderr


def test_import(chunkc):
    values = {f"layers.{i}.{name}": value for i in range(3) for name, value in linear(i, "").items()}
    save_file({**values, "norm": np.ones(3, np.float32)}, "model.safetensors")
    result = chunkc("store", "import", "model.safetensors", "--as", "gpt@v1", "--split", "layers.{i}")
    assert result.exit_code == 0 and result.stdout.startswith("gpt@v1  weights  "), result.output
    assert [line.split() for line in result.stderr.splitlines()][2:] == [["69%", "layers.1"], ["100%", "layers.2"]]
    told = json.loads(chunkc("store", "import", "model.safetensors", "--as", "gpt@v1", "--split", "auto", "--json").stdout)
    assert list(told["parts"]) == ["", "layers.0", "layers.1", "layers.2"]
    assert set(Store("chunkc-store").version("gpt", "v1").parts) == set(told["parts"])
    wrong = chunkc("store", "import", "model.safetensors", "--as", "gpt@v2", "--split", "layer.{i}")
    assert wrong.exit_code == 1 and "did you mean `layers.{i}`?" in wrong.stderr
    assert "CC1423" in chunkc("store", "import", "none", "--as", "gpt@v2").stderr
