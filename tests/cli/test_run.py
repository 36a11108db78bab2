"""`check`, `opt`, `compile` and `run` on real specs: what they print, on both backends, and how wrong input is told."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from chunkc.cli import group

MIXTURE = """\
model mixture(d: int = 8, experts: int = 4, k: int = 1, wide: bool = false, rate: float = 0.1) {
  input x: f32[B, T, d]
  factor = if wide { 4 } else { 2 }
  chunk expert[experts](h) { h |> linear(factor * d) |> relu |> linear(d) }
  router gate {
    score = x |> linear(experts)
    keep  = top(k)
  }
  loss balance = rate * load_balance(gate)
  fuse y = weighted_sum(expert(x), by=gate)
  output y
  output importance = gate.weight
}
"""


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder that holds `mixture.cc`."""
    (tmp_path / "mixture.cc").write_text(MIXTURE)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: CliRunner().invoke(group, arguments, **options)


def as_json(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_run_tells_shapes_decisions_and_work(chunkc):
    told = as_json(chunkc("run", "mixture.cc", "--dims", "B=2,T=3", "--json"))
    assert told["inputs"] == {"x": {"dtype": "f32", "shape": [2, 3, 8]}}
    assert told["outputs"] == {"y": {"dtype": "f32", "shape": [2, 3, 8]}}
    gate = told["selections"]["gate"]
    assert (gate["decisions"], gate["ways"], gate["kept"], gate["skipped"]) == (6, 4, 6, 18)
    assert sum(gate["load"]) == 6
    work, one_expert, score = told["multiply_adds"], 2 * 8 * 16, 8 * 4
    assert work["dense"] == 6 * (4 * one_expert + score)
    assert work["ran"] == 6 * (one_expert + score)
    assert work["share"] == work["ran"] / work["dense"]
    assert told["losses"] == {}


def test_the_reference_decides_alike_and_computes_everything(chunkc):
    told = as_json(chunkc("run", "mixture.cc", "--dims", "B=2,T=3", "--json"))
    dense = as_json(chunkc("run", "mixture.cc", "--dims", "B=2,T=3", "--json", "--backend", "reference"))
    assert dense["selections"] == told["selections"]
    assert dense["multiply_adds"]["share"] == 1


def test_run_in_training_tells_losses(chunkc):
    torch, reference = (
        as_json(chunkc("run", "mixture.cc", "--dims", "B=2,T=3", "--train", "--json", "--backend", backend))
        for backend in ("torch", "reference")
    )
    assert torch["losses"]["balance"] == pytest.approx(reference["losses"]["balance"], rel=1e-5)
    assert torch["losses"]["balance"] > 0


def test_run_takes_parameters_and_files(chunkc, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 2, 4), np.float32))
    options = ["-D", "d=4", "-D", "k=3", "-D", "rate=1e-3", "-D", "wide=true", "--input", "x=x.npy", "--output", "importance"]
    told = as_json(chunkc("run", "mixture.cc", *options, "--json"))
    assert told["dims"] == {"B": 5, "T": 2}
    assert told["outputs"] == {"importance": {"dtype": "f32", "shape": [5, 2, 4]}}
    assert told["selections"]["gate"]["kept"] == 30


def test_run_prints_tables(chunkc):
    result = chunkc("run", "mixture.cc", "--dims", "B=2,T=3")
    assert result.exit_code == 0
    assert "input\tx\tf32[B, T, 8]\t[2, 3, 8]\n" in result.stdout
    assert "gate\t6\t18\t25.0%\t" in result.stdout
    assert result.stderr == ""


def test_seeds_repeat(chunkc):
    runs = [chunkc("run", "mixture.cc", "--dims", "B=9,T=9", "--seed", seed).stdout for seed in ("1", "1", "2")]
    assert runs[0] == runs[1] != runs[2]


def test_everything_wrong_on_the_command_line_is_told_at_once(chunkc):
    result = chunkc("run", "mixture.cc", "-D", "kk=1", "-D", "k=1.5", "-D", "wide=yes", "-D", "rate", "--dims", "B=1")
    assert result.exit_code == 2 and result.stdout == ""
    assert [line.split("]")[0] for line in result.stderr.splitlines() if line.startswith("error[")] == [
        "error[CC0702",
        "error[CC0703",
        "error[CC0703",
        "error[CC0702",
    ]
    result = chunkc("run", "mixture.cc", "--dims", "B=1,S=2,T=x", "--output", "z", "--input", "w=w.npy")
    assert result.exit_code == 2
    assert all(f"error[{code}]" in result.stderr for code in ("CC0704", "CC0705", "CC0706", "CC0712"))


def test_wrong_dims_show_both_sides(chunkc, golden):
    golden("wrong_dims.txt", chunkc("run", "mixture.cc", "--dims", "B=2,S=3").stderr)


def test_a_parameter_that_does_not_fit_the_model_is_a_finding(chunkc):
    result = chunkc("run", "mixture.cc", "-D", "k=5", "--dims", "B=1,T=1")
    assert result.exit_code == 1 and "error[CC0416]: `top(5)` keeps more than the 4 ways" in result.stderr


def test_check_gathers_files_and_formats(chunkc, tmp_path):
    (tmp_path / "bad.cc").write_text("model bad {\n  input x: f32[B, 8]\n  output y = x |> liner(4)\n}\n")
    assert chunkc("check", "mixture.cc").exit_code == 0
    result = chunkc("check", ".")
    assert result.exit_code == 1
    assert "bad.cc:3:" in result.stdout and "did you mean `linear`?" in result.stdout
    assert "2 files: 1 error" in result.stderr
    (found,) = json.loads(chunkc("check", ".", "--output-format", "json").stdout)
    assert (found["file"], found["line"], found["severity"]) == ("bad.cc", 3, "error")
    assert chunkc("check", ".", "--output-format", "github").stdout.startswith("::error file=bad.cc,line=3,")
    assert json.loads(chunkc("check", "mixture.cc", "--output-format", "json").stdout) == []
    assert chunkc("check", "bad.cc", "missing.cc").exit_code == 2


def test_every_spec_checks_without_errors(chunkc, specs):
    result = chunkc("check", str(specs), "--output-format", "json")
    assert [d for d in json.loads(result.stdout) if d["severity"] == "error"] == []
    assert result.exit_code == 0


def test_opt_prints_text_that_loads_again(chunkc, tmp_path):
    printed = chunkc("opt", "mixture.cc", "--passes", "canonicalize,eliminate-dead")
    assert printed.exit_code == 0
    (tmp_path / "core.cc").write_text(printed.stdout)
    assert chunkc("opt", "core.cc", "-O0").stdout == printed.stdout
    told = as_json(chunkc("run", "core.cc", "--dims", "B=2,T=3", "--json"))
    assert told["selections"] == as_json(chunkc("run", "mixture.cc", "--dims", "B=2,T=3", "--json"))["selections"]


def test_opt_prints_after_each_pass(chunkc):
    result = chunkc("opt", "mixture.cc", "--passes", "canonicalize,eliminate-dead", "--print-after-all")
    headings = [line for line in result.stdout.splitlines() if line.startswith("# ")]
    assert headings == ["# after canonicalize: unchanged", "# after eliminate-dead: unchanged"]


def test_opt_prints_a_plan(chunkc):
    result = chunkc("opt", "mixture.cc", "--passes", "canonicalize,lower-plan")
    assert result.exit_code == 0 and result.stdout.startswith("plan mixture (eval")
    assert " dispatch " in result.stdout and " combine " in result.stdout
    result = chunkc("opt", "mixture.cc", "--passes", "lower-plan,canonicalize")
    assert result.exit_code == 2 and "which no pass can follow" in result.stderr


def test_opt_suggests_passes(chunkc):
    result = chunkc("opt", "mixture.cc", "--passes", "canonicalise,nothing")
    assert result.exit_code == 2
    assert result.stderr.count("error[CC0709]") == 2 and "did you mean `canonicalize`?" in result.stderr
    assert chunkc("opt", "mixture.cc", "--passes", "canonicalize", "-O1").exit_code == 2


def test_compile_writes_a_module_that_needs_torch_alone(chunkc, tmp_path):
    import subprocess

    result = chunkc("compile", "mixture.cc", "-o", "mixture.py")
    assert result.exit_code == 0 and "wrote mixture.py" in result.stderr
    assert chunkc("compile", "mixture.cc").stdout == (tmp_path / "mixture.py").read_text()
    script = (
        "import sys, torch, mixture\n"
        "module = next(v for v in vars(mixture).values() if isinstance(v, type) and v.__name__ == 'Mixture')()\n"
        "assert module(torch.zeros(2, 3, 8)).shape == (2, 3, 8)\n"
        "assert not [n for n in sys.modules if n.startswith('chunkc')]\n"
        "print(*module.state_dict())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "expert.3.linear_1.weight" in done.stdout.split()


OUTER = """\
model outer {
  input x: f32[B, 4]
  chunk inner(x: f32[B, 4]) -> f32[B, 4] = extern("store/inner")
  output y = inner(x)
}
"""


@pytest.fixture
def extern(tmp_path):
    """A spec with an extern chunk, and a model to put in its place."""
    (tmp_path / "outer.cc").write_text(OUTER)
    (tmp_path / "inner.cc").write_text("model inner {\n  input x: f32[B, 4]\n  output y = x |> relu\n}\n")


@pytest.mark.usefixtures("extern")
def test_bind_puts_a_written_chunk_in_an_externs_place(chunkc):
    assert chunkc("check", "outer.cc").exit_code == 0
    told = as_json(chunkc("run", "outer.cc", "--dims", "B=3", "--bind", "inner=inner.cc", "--json"))
    assert told["outputs"]["y"]["shape"] == [3, 4]


@pytest.mark.usefixtures("extern")
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_an_extern_without_a_body_does_not_run(chunkc, backend):
    result = chunkc("run", "outer.cc", "--dims", "B=3", "--backend", backend)
    assert result.exit_code == 2 and "error[CC0711]" in result.stderr and "--bind inner=FILE" in result.stderr
    assert chunkc("compile", "outer.cc").exit_code == 2


@pytest.mark.usefixtures("extern")
def test_a_wrong_bind_is_told(chunkc):
    result = chunkc("run", "outer.cc", "--dims", "B=3", "--bind", "inner=missing.cc", "--bind", "other=missing.cc")
    assert result.exit_code == 2 and result.stderr.count("error[CC0701]") == 2
    assert "there is no extern chunk `iner`" in chunkc("run", "outer.cc", "--dims", "B=3", "--bind", "iner=inner.cc").stderr


def test_a_budget_is_told_with_what_was_loaded(chunkc, tmp_path):
    (tmp_path / "chain.cc").write_text(
        "model chain(d: int = 4) {\n  input x: f32[B, d]\n  chunk block[3](h) { h |> linear(d) }\n"
        "  memory { budget = 100B }\n  output y = x |> block[0] |> block[1] |> block[2]\n}\n"
    )
    told = as_json(chunkc("run", str(tmp_path / "chain.cc"), "--dims", "B=2", "--json"))
    assert told["memory"] == {"room": 100, "peak": 80, "loaded": 240, "loads": 3}
    assert "most resident" in chunkc("run", str(tmp_path / "chain.cc"), "--dims", "B=2").stdout
