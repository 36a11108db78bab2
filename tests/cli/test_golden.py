"""`chunkc test`: what holds of a golden file, what is told where it does not, and files that are written anew."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from chunkc.cli import group

MODEL = """model m {
  input x: f32[B, 8]
  output y = --gelu(x)
}
"""

PLUGIN = """from dataclasses import dataclass, replace
from typing import ClassVar

from chunkc.compiler.ir import rebuild


@dataclass(frozen=True, slots=True)
class Bend:
    name: ClassVar[str] = "bend"

    def apply(self, graph):
        return rebuild(graph, lambda node: replace(node, op="relu") if node.op == "gelu" else None)


@dataclass(frozen=True, slots=True)
class Restless:
    name: ClassVar[str] = "restless"

    def apply(self, graph):
        return rebuild(graph, lambda node: replace(node, name=node.name + "i") if node.op == "input" else None)
"""


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder with a golden file and a plugin."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "canonicalize").mkdir()
    (tmp_path / "canonicalize" / "a.cc").write_text(MODEL)
    (tmp_path / "mine.py").write_text(PLUGIN)
    return lambda *arguments: CliRunner().invoke(group, arguments)


def write(name: str, passes: str, text: str = MODEL) -> None:
    Path(name).write_text(f"# pass: {passes}\n{text}")


def test_golden_files_are_written_and_hold(chunkc, tmp_path):
    result = chunkc("test", ".")
    assert result.exit_code == 1 and "nothing is expected yet" in result.stdout and "1 failed" in result.stderr
    result = chunkc("test", ".", "--update-golden")
    assert result.exit_code == 0 and "wrote canonicalize/a.cc" in result.stderr
    written = (tmp_path / "canonicalize" / "a.cc").read_text()
    assert written.startswith(MODEL + "# ---\ncore m ") and "neg" not in written
    result = chunkc("test", ".")
    assert result.exit_code == 0 and result.stdout == "" and result.stderr == "1 passed\n"
    assert chunkc("test", ".", "--update-golden").stderr == "1 passed\n"


def test_the_first_line_names_passes_with_options(chunkc):
    write("b.cc", "fixpoint(canonicalize, eliminate-dead), canonicalize")
    assert chunkc("test", "b.cc", "--update-golden").exit_code == 0
    result = chunkc("test", "b.cc", "--json")
    found = json.loads(result.stdout)
    assert (found["passed"], found["failed"], found["broken"]) == (1, 0, 0)
    assert found["cases"][0]["passes"] == "fixpoint(canonicalize, eliminate-dead), canonicalize"


def test_a_difference_is_shown(chunkc, tmp_path):
    chunkc("test", ".", "--update-golden")
    path = tmp_path / "canonicalize" / "a.cc"
    path.write_text(path.read_text().replace("= op gelu", "= op relu"))
    result = chunkc("test", ".")
    assert result.exit_code == 1 and "FAILED canonicalize/a.cc (canonicalize)" in result.stdout
    assert "\n-  %1 = op relu" in result.stdout and "\n+  %1 = op gelu" in result.stdout


def test_a_pass_that_changes_what_is_computed_fails_though_its_text_is_expected(chunkc):
    write("b.cc", "bend")
    result = chunkc("test", "b.cc", "--plugin", "mine.py", "--update-golden")
    assert result.exit_code == 1
    assert "the pass changes what is computed: output `y` moves by" in chunkc("test", "b.cc", "--plugin", "mine.py").stdout


def test_a_pass_that_finds_no_rest_fails(chunkc):
    write("b.cc", "restless")
    result = chunkc("test", "b.cc", "--plugin", "mine.py", "--update-golden")
    assert result.exit_code == 1 and "running it again changes the result" in result.stdout


def test_what_cannot_be_run_is_said_to_be_not_compared(chunkc):
    stored = 'model m {\n  input x: f32[B, 8]\n  chunk e(h: f32[B, 8]) -> f32[B, 8] = extern("store/e")\n  output y = e(x)\n}\n'
    write("b.cc", "canonicalize", stored)
    assert chunkc("test", "b.cc", "--update-golden").exit_code == 0
    result = chunkc("test", "b.cc")
    assert result.exit_code == 0 and result.stderr == "1 passed, of 1 the values were not compared\n"


def test_files_that_are_wrong_are_told_and_the_others_run(chunkc, tmp_path):
    chunkc("test", ".", "--update-golden")
    write("b.cc", "canonicalise")
    write("c.cc", "canonicalize", "model {")
    Path("d.cc").write_text(MODEL)
    result = chunkc("test", ".")
    assert result.exit_code == 2 and "1 passed, 3 broken" in result.stderr
    assert "--> b.cc:1:9" in result.stderr and "did you mean `canonicalize`?" in result.stderr
    assert "--> c.cc:2:" in result.stderr
    assert f"its folder `{tmp_path.name}` is none" in result.stderr
    assert chunkc("test", "missing.cc").exit_code == 2


def test_the_files_of_all_passes_hold(root):
    result = CliRunner().invoke(group, ["test", str(root / "tests" / "passes" / "canonicalize"), "--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and found["passed"] >= 5 and found["not_compared"] == 0
