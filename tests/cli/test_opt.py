"""`chunkc opt`: times, diffs, verification, bisection and plugins; `compile` and `run` take the same passes."""

import json
import re
import sys

import pytest
from click.testing import CliRunner

from chunkc.cli import group
from chunkc.cli.bisect import Verdict, bisect
from chunkc.cli.diffs import renumbered, unified
from chunkc.passes.manager import Step

SPEC = """model m {
  input x: f32[B, 8]
  a = x |> linear(4) |> gelu
  output y = --a
}
"""

PLUGIN = """from dataclasses import dataclass, replace
from typing import ClassVar

from chunkc.compiler.ir import rebuild


@dataclass(frozen=True, slots=True)
class Bend:
    name: ClassVar[str] = "bend"
    to: str = "relu"

    def apply(self, graph):
        return rebuild(graph, lambda node: replace(node, op=self.to) if node.op == "gelu" else None)


@dataclass(frozen=True, slots=True)
class Stumble:
    name: ClassVar[str] = "stumble"

    def apply(self, graph):
        return {}["missing"]


@dataclass(frozen=True, slots=True)
class Drop:
    name: ClassVar[str] = "drop"

    def apply(self, graph):
        return replace(graph, nodes=graph.nodes[1:])
"""


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder with a spec and a plugin."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.cc").write_text(SPEC)
    (tmp_path / "mine.py").write_text(PLUGIN)
    return lambda *arguments: CliRunner().invoke(group, arguments)


def test_times_are_a_table_on_stderr(chunkc):
    result = chunkc("opt", "m.cc", "--time-passes", "--passes", "fixpoint(canonicalize, eliminate-dead), canonicalize")
    assert result.exit_code == 0 and result.stdout.startswith("core m ")
    rows = [line.split("\t") for line in result.stderr.splitlines()]
    assert rows[0] == ["pass", "CPU ms", "nodes before", "nodes after", "changed"]
    # Nothing changed the graph behind `canonicalize`, so no pass of the group runs again.
    assert [row[0] for row in rows[1:]] == ["canonicalize (1)", "eliminate-dead (1)", "canonicalize", "all"]
    assert [row[2:] for row in rows[1:3]] == [["7", "5", "yes"], ["5", "5", "no"]]
    assert all(float(row[1]) >= 0 for row in rows[1:])


def test_json_has_the_graph_and_the_steps(chunkc):
    result = chunkc("opt", "m.cc", "--json", "--passes", "canonicalize, eliminate-dead")
    found = json.loads(result.stdout)
    assert found["graph"].startswith("core m ")
    assert [(one["pass"], one["changed"], one["nodes_after"]) for one in found["passes"]] == [
        ("canonicalize", True, 5),
        ("eliminate-dead", False, 5),
    ]
    assert json.loads(chunkc("opt", "m.cc", "--json", "--passes", "lower-plan").stdout)["plan"].startswith("plan m ")


def test_diffs_keep_the_numbers_of_values(chunkc):
    result = chunkc("opt", "m.cc", "--print-after-all", "--passes", "canonicalize, eliminate-dead")
    assert result.exit_code == 0
    changed = [line for line in result.stdout.splitlines() if re.match(r"[+-] ", line)]
    assert changed == [
        "-  %5 = op neg (%a) : f32[B, 4]",
        "-  %y = op neg (%5) : f32[B, 4]",
        '-  output "y" = %y',
        '+  output "y" = %a',
    ]
    assert "# after eliminate-dead: unchanged" in result.stdout
    result = chunkc("opt", "m.cc", "--print-after-all", "--full", "--passes", "canonicalize, eliminate-dead")
    assert result.stdout.count("core m ") == 2 and "@@" not in result.stdout


def test_values_behind_one_that_went_keep_their_numbers():
    before = "%0 = a\n  %1 = b\n  %2 = c (%1)\n  %3 = d (%2)\n"
    assert renumbered(before, "%0 = a\n  %1 = c (%0)\n  %2 = d (%1)\n") == "%0 = a\n  %2 = c (%0)\n  %3 = d (%2)\n"
    assert renumbered(before, "%0 = a\n  %1 = e\n  %2 = b\n") == "%0 = a\n  %4 = e\n  %1 = b\n"
    assert renumbered(before, before) == before
    before = "%y = a\n  %y.1 = b\n  %y.2 = c (%y.1)\n"
    assert renumbered(before, "%y = a\n  %y.1 = c (%y)\n") == "%y = a\n  %y.2 = c (%y)\n"


def test_values_of_bodies_have_numbers_of_their_own():
    before = "  %0 = a\n  chunk %c0 \"e\" {\n    %0 = a\n    %1 = b\n    %2 = c\n  }\n  %1 = b\n  %2 = apply {body = %c0}\n"
    after = "  chunk %c0 \"e\" {\n    %0 = a\n    %1 = c\n  }\n  %0 = b\n  %1 = apply {body = %c0}\n"
    assert renumbered(before, after) == after.replace("%1 = c", "%2 = c").replace("%1 = apply", "%2 = apply").replace(
        "%0 = b", "%1 = b"
    )


def test_a_plugin_runs_in_all_commands(chunkc):
    for command in (("opt",), ("compile",), ("run", "--dims", "B=2")):
        result = chunkc(*command, "m.cc", "--plugin", "mine.py", "--passes", "bend(to=tanh), canonicalize")
        assert result.exit_code == 0, result.output
        assert "relu" not in result.stdout and (command[0] == "run" or "tanh" in result.stdout)
    result = chunkc("opt", "m.cc", "--passes", "bend")
    assert result.exit_code == 2 and "no pass `bend`" in result.stderr


def test_a_plugin_that_fails_is_told_in_words(chunkc, tmp_path):
    result = chunkc("opt", "m.cc", "--plugin", "mine.py", "--passes", "stumble")
    assert result.exit_code == 2
    assert "error[CC0719]: the pass `stumble` fails: KeyError: 'missing'" in result.stderr
    line = 1 + PLUGIN.splitlines().index('        return {}["missing"]')
    assert f"mine.py:{line}" in result.stderr
    for more in ((), ("--verify-each",)):
        result = chunkc("opt", "m.cc", "--plugin", "mine.py", "--passes", "drop, canonicalize", *more)
        assert result.exit_code == 2 and "Traceback" not in result.output
        assert "the pass `drop` gives a graph that is not well formed: `linear` reads operand 0" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_the_name", "does not import: ModuleNotFoundError: No module named 'nothing_of_the_name' (line 1)"),
        ("x = 1\ny = = 2", "does not import: SyntaxError: invalid syntax (line 2)"),
        ("x = 1\n\n1 / 0", "does not import: ZeroDivisionError: division by zero (line 3)"),
        ("x = 1", "defines no pass"),
        ("class A:\n    name = 'canonicalize'\n    def apply(self, graph): return graph", "a pass `canonicalize` already"),
        ("class A:\n    name = 'a b'\n    def apply(self, graph): return graph", "`a b` is no name for a pass"),
        ("class A:\n    name = 'fixpoint'\n    def apply(self, graph): return graph", "`fixpoint` is no name for a pass"),
    ],
)
def test_a_plugin_without_a_pass_is_told_in_words(chunkc, tmp_path, text, message):
    (tmp_path / "wrong.py").write_text(text)
    result = chunkc("opt", "m.cc", "--plugin", "wrong.py", "-O1")
    assert result.exit_code == 2 and "error[CC0718]" in result.stderr and message in result.stderr
    assert "chunkc opt m.cc --plugin wrong.py" in result.stderr and "Traceback" not in result.output


def test_a_plugin_that_is_not_there_is_told(chunkc):
    result = chunkc("opt", "m.cc", "--plugin", "missing.py")
    assert result.exit_code == 2 and "error[CC0701]: `missing.py`: no such file" in result.stderr


def test_entry_points_are_read_when_asked_for(chunkc, tmp_path, monkeypatch):
    info = tmp_path / "site" / "bending-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bending\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chunkc.passes]\nbend = bending:Bend\nlost = bending:Nothing\nother = bending:Bend\n")
    (tmp_path / "site" / "bending.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert chunkc("opt", "m.cc", "-O1").exit_code == 0
    assert "bending" not in sys.modules, "nothing runs that was not asked for"
    result = chunkc("opt", "m.cc", "--passes", "bend(to=silu)")
    assert result.exit_code == 0 and "silu" in result.stdout
    assert "did you mean `bend`?" in chunkc("opt", "m.cc", "--passes", "bned").stderr
    result = chunkc("opt", "m.cc", "--passes", "lost")
    assert result.exit_code == 2 and "the pass `lost` of the package `bending` does not import: AttributeError" in result.stderr
    result = chunkc("opt", "m.cc", "--passes", "other")
    assert result.exit_code == 2 and "is no pass called `other`" in result.stderr
    monkeypatch.delitem(sys.modules, "bending")


# ---- bisection


def steps(count, start, same=()):
    """Steps of which each makes the next whole number, but those in `same`, that stand for graphs."""
    graphs = [start]
    for i in range(count):
        graphs.append(graphs[-1] if i in same else object())
    return [Step(f"p{i}", graphs[i], graphs[i + 1], 0.0) for i in range(count)], graphs


@pytest.mark.parametrize("count", [1, 2, 5, 8, 30])
def test_bisection_finds_each_first_step_that_fails(count):
    for bad in range(1, count + 1):
        run, graphs = steps(count, object())
        found = bisect(graphs[0], run, lambda graph, graphs=graphs, bad=bad: 3 * (graphs.index(graph) >= bad))
        assert (found.step, found.status) == (bad, 3)
        assert found.checks <= 3 + count.bit_length()


def test_bisection_skips_what_changed_nothing():
    run, graphs = steps(6, object(), same=(0, 1, 3, 4))
    found = bisect(graphs[0], run, lambda graph: int(graph is graphs[-1]))
    assert found == Verdict(6, 1, 3)


def test_bisection_tells_what_fails_from_the_start_or_never():
    run, graphs = steps(4, object())
    assert bisect(graphs[0], run, lambda graph: 2) == Verdict(0, 2, 1)
    assert bisect(graphs[0], run, lambda graph: 0) == Verdict(None, 0, 2)
    assert bisect(graphs[0], [], lambda graph: 0) == Verdict(None, 0, 1)


def test_bisect_names_the_pass(chunkc):
    given = ("opt", "m.cc", "--plugin", "mine.py", "--passes", "canonicalize, eliminate-dead, bend, canonicalize")
    result = chunkc(*given, "--bisect", "grep -q gelu")
    assert result.exit_code == 1
    assert result.stdout.strip() == "bend (step 3 of 4) is the first pass after which the check fails (exit status 1)"
    found = json.loads(chunkc(*given, "--bisect", "test -f {} && ! grep -q relu {}", "--json").stdout)
    assert (found["pass"], found["step"], found["steps"], found["status"]) == ("bend", 3, 4, 1)
    result = chunkc(*given, "--bisect", "true")
    assert result.exit_code == 0 and result.stdout.strip() == "the check holds after all 4 steps"
    result = chunkc(*given, "--bisect", "no-such-command-anywhere")
    assert result.exit_code == 1 and "fails (exit status 127) on the graph before any pass" in result.stdout


def test_bisect_finds_where_values_move(chunkc, tmp_path):
    given = ("opt", "m.cc", "--plugin", "mine.py", "--bisect", "values", "--passes")
    result = chunkc(*given, "O1, bend, canonicalize")
    assert result.exit_code == 1 and result.stdout.startswith("bend (step ")
    assert "checked: output `y` moves by" in result.stderr
    assert chunkc(*given, "O1, lower-plan").exit_code == 2
    assert "cannot be run again" in chunkc("opt", "m.cc", "--passes", "fixpoint(canonicalize, lower-plan)").stderr
    assert chunkc(*given, "O1").exit_code == 0
    (tmp_path / "stored.cc").write_text(
        'model m {\n  input x: f32[B, 8]\n  chunk e(h: f32[B, 8]) -> f32[B, 8] = extern("store/e")\n  output y = --e(x)\n}\n'
    )
    result = chunkc("opt", "stored.cc", "--bisect", "values")
    assert result.exit_code == 2 and "error[CC0720]" in result.stderr


def test_bisect_reads_what_it_writes(chunkc):
    command = f"{sys.executable} -m chunkc check"
    result = chunkc("opt", "m.cc", "-O2", "--bisect", command)
    assert result.exit_code == 0, result.output
    assert chunkc("opt", "m.cc", "--passes", "lower-plan", "--bisect", "true").exit_code == 2


def test_diffs_are_coloured_on_a_terminal():
    assert unified("a\nb\n", "a\nc\n", "old", "new") == "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    painted = unified("a\nb\n", "a\nc\n", "old", "new", colour=True)
    assert "\x1b[31m-b\x1b[0m" in painted and "\x1b[32m+c\x1b[0m" in painted and "\n a\n" in painted
