"""`chunkc store`: what its commands print, their exit status, and what a model must be to be stored."""

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from stores import edges, weights_file

from chunkc.cli import group
from chunkc.store.store import Store

MODEL = "model edges(d: int = 4) {\n  input x: f32[B, 8]\n  output y = x |> linear(d)\n}\n"


@pytest.fixture
def chunkc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    weights_file(tmp_path, edges())

    def run(*arguments, exit_code=0):
        result = CliRunner().invoke(group, ["store", *arguments])
        assert result.exit_code == exit_code, result.output
        return result

    return run


def fitting(folder, dtype=np.float32, size=4, names=("y.linear_1.weight", "y.linear_1.bias")):
    values = dict(zip(names, (np.ones((size, 8), dtype), np.ones((size,), dtype))))
    return str(weights_file(folder, values, "model.safetensors"))


def test_json_for_machines(chunkc):
    chunkc("add", "weights.safetensors", "--as", "models/edges@v1")
    added = json.loads(chunkc("add", "weights.safetensors", "--as", "models/edges@v2", "--json").stdout)
    chunkc("alias", "models/edges@stable", "v2")
    first, second = json.loads(chunkc("list", "--json").stdout)
    assert second == {**added, "aliases": ["stable"]} and first["sha256"] == second["sha256"] and first["aliases"] == []
    assert json.loads(chunkc("list", "models/edges", "--json").stdout) == [first, second]
    verified = json.loads(chunkc("verify", "--json").stdout)
    assert verified["versions"] == 2 and verified["blobs"] == 2 and verified["findings"] == []


def test_what_is_wrong_is_told_and_the_rest_listed(chunkc):
    chunkc("add", "weights.safetensors", "--as", "models/edges@v1")
    store = Store("chunkc-store")
    with store.writing() as writer:
        blob = writer.put([b"no manifest"])
        store.index.write(
            {"models/edges": {"v1": "sha256:" + store.version("models/edges").sha256, "v2": f"sha256:{blob.sha256}"}}
        )
    os.unlink(store.version("models/edges", "v1").parts[""].blob.path)
    told = json.loads(chunkc("verify", "--json", exit_code=1).stdout)
    assert sorted(one["code"] for one in told["findings"]) == ["CC1401", "CC1408"] and all(
        one["hint"] for one in told["findings"]
    )
    assert "2 wrong" in chunkc("verify", exit_code=1).stdout
    listed = chunkc("list", exit_code=1)
    assert "models/edges@v1" in listed.stdout and "error[CC1401]" in listed.stderr


def test_versions_are_listed_whatever_becomes_of_aliases(chunkc):
    for name in ("m@v1", "n@v1"):
        chunkc("add", "weights.safetensors", "--as", name)
    Store("chunkc-store").aliases.path.write_text("garbage [")
    listed = chunkc("list", "--json", exit_code=1)
    assert [one["name"] for one in json.loads(listed.stdout)] == ["m", "n"] and listed.stderr.count("error[CC1401]") == 1


def test_where_the_store_is(chunkc, tmp_path, monkeypatch):
    assert "CC1400" in chunkc("list", exit_code=1).stderr
    chunkc("add", "weights.safetensors", "--as", "m@v1", "--store", "given")
    monkeypatch.setenv("CHUNKC_STORE", str(tmp_path / "set"))
    chunkc("add", "weights.safetensors", "--as", "m@v1")
    assert (tmp_path / "given" / "index.toml").is_file() and (tmp_path / "set" / "index.toml").is_file()
    assert not (tmp_path / "chunkc-store").exists()


def test_a_model_is_stored_with_weights_that_fit(chunkc, tmp_path):
    (tmp_path / "edges.cc").write_text(MODEL)
    added = chunkc("add", "edges.cc", "--weights", fitting(tmp_path), "--as", "models/edges@v1", "--json")
    assert json.loads(added.stdout)["kind"] == "model"
    store = Store("chunkc-store")
    assert store.program(store.version("models/edges")).text == MODEL
    assert "no weights are given" in chunkc("add", "edges.cc", "--as", "m@v1", exit_code=1).stderr
    for change, says in (
        ({"dtype": np.float64}, "f32[4, 8] is declared, f64[4, 8] is stored"),
        ({"size": 5}, "f32[4, 8] is declared, f32[5, 8] is stored"),
        ({"names": ("y.linear_1.weight", "bias")}, "has no tensor `y.linear_1.bias`"),
    ):
        told = chunkc("add", "edges.cc", "--weights", fitting(tmp_path, **change), "--as", "m@v1", exit_code=1).stderr
        assert "CC1414" in told and says in told
    assert store.names() == ["models/edges"]


def test_a_model_that_cannot_be_stored(chunkc, tmp_path):
    (tmp_path / "blocks.cc").write_text(MODEL)
    (tmp_path / "uses.cc").write_text(f'use "blocks.cc"\n{MODEL.replace("edges", "other")}')
    (tmp_path / "wrong.cc").write_text("model m {\n  output y = x\n}\n")
    weights = fitting(tmp_path)
    assert (
        "a stored model cannot use other files"
        in chunkc("add", "uses.cc", "--weights", weights, "--as", "m@v1", exit_code=1).stderr
    )
    assert "wrong.cc:2" in chunkc("add", "wrong.cc", "--weights", weights, "--as", "m@v1", exit_code=1).stderr
    assert not (tmp_path / "chunkc-store").exists()


NAMES_OTHERS = """model m {
  input x: f32[B, 8]
  chunk a(x: f32[B, 8]) -> f32[B, 4] { x |> linear(4) } from "parts/a@v1"
  output y = a(x)
}
"""


def test_a_model_that_names_others_is_stored_without_their_weights(chunkc, tmp_path):
    given = ("--store", "s")
    weights = fitting(tmp_path, names=("linear_1.weight", "linear_1.bias"))
    (tmp_path / "m.cc").write_text(NAMES_OTHERS)
    chunkc("add", weights, "--as", "w@v1", *given)
    assert "CC1406" in chunkc("add", "m.cc", "--as", "m@v1", *given, exit_code=1).stderr
    chunkc("add", weights, "--as", "parts/a@v1", *given)
    chunkc("add", "m.cc", "--as", "m@v1", *given)
    (tmp_path / "m.cc").write_text(NAMES_OTHERS.replace("parts/a@v1", "file:model.safetensors"))
    told = chunkc("add", "m.cc", "--as", "m@v2", *given, exit_code=1).stderr
    assert "cannot name a file beside it: `model.safetensors`" in told and "m.cc:3" in told
    (tmp_path / "m.cc").write_text(NAMES_OTHERS.replace('{ x |> linear(4) } from "parts/a@v1"', '= extern("py:os.path:join")'))
    chunkc("add", "m.cc", "--as", "m@v3", *given)


def test_wrong_use(chunkc):
    chunkc("add", "weights.safetensors", "--as", "m@v1")
    assert "did you mean `verify`?" in chunkc("verifi", exit_code=2).output
    assert "say the VERSION" in chunkc("alias", "m@stable", exit_code=2).output
    assert "`m` names no alias" in chunkc("alias", "m", "v1", exit_code=1).output
    assert "`m` names no version" in chunkc("add", "weights.safetensors", "--as", "m", exit_code=1).output
    assert "`nothing.safetensors`" in chunkc("add", "nothing.safetensors", "--as", "m@v2", exit_code=2).output
    chunkc("alias", "m@stable", "v1")
    assert "removed" in chunkc("alias", "--remove", "m@stable").output


def test_gc_tells_what_goes(chunkc):
    chunkc("add", "weights.safetensors", "--as", "m@v1")
    with Store("chunkc-store").writing() as writer:
        blob = writer.put([b"garbage"])
    assert chunkc("gc", "--dry-run").stdout == chunkc("gc").stdout == f"{blob.sha256}\n"
    assert chunkc("gc").stdout == ""
