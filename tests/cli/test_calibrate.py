"""`chunkc calibrate --from` and `chunkc validate`: tables made by a target are fitted back to it, and wrong use is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from chunkc.cli import group
from chunkc.simulator.gpu.gemm_kind import KIND
from chunkc.simulator.refitting import refitted
from chunkc.simulator.tables import LATENCY, PREDICTED, Column, parse_table, read_source, with_predictions
from chunkc.simulator.target_reading import FOLDER, load_target, read_target


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder that holds `shapes.csv`: products as one other target takes them."""
    monkeypatch.chdir(tmp_path)
    families = ((64, 512), (512, 64), (3072, 4096), (8192, 1024), (1024, 9216))
    rows = [f"{m},{n},{k},1" for n, k in families for m in (1, 64, 500, 7000)]
    text = "\n".join(["m,n,k,latency_ms", *rows])
    (tmp_path / "shapes.csv").write_text(text)
    table = parse_table(read_source("shapes.csv"), KIND.columns)
    made = KIND.predict(other(), table.columns)
    told = with_predictions(table, made).replace(LATENCY, "old_ms").replace(PREDICTED, LATENCY)
    (tmp_path / "shapes.csv").write_text(told)
    return lambda *arguments, **options: CliRunner().invoke(group, arguments, **options)


def other():
    return KIND.with_constants(load_target("h200"), {"tensor": 0.7, "dram": 0.6, "fill": 5e-7, "port": 5e10})


def test_a_table_is_fitted_and_the_rest_of_the_file_stays(chunkc):
    pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")
    result = chunkc("calibrate", "--from", "shapes.csv", "--kind", "gemm", "--target", "h200", "-o", "out.toml")
    assert result.exit_code == 0, result.output
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == ["constants", "before", "fitted", "on families not seen"]
    assert "wrote out.toml" in result.stderr
    found = load_target("out.toml")
    assert KIND.constants(found) == pytest.approx(KIND.constants(other()), rel=0.1)
    before, after = (FOLDER / "h200.toml").read_text().splitlines(), Path("out.toml").read_text().splitlines()
    changed = [a for a, b in zip(before, after, strict=True) if a != b]
    assert {line.split(" = ")[0] for line in changed} <= set(KIND.fitted) and len(changed) >= 4
    assert found.notes["gemm.tensor"].fitted
    piped = chunkc("calibrate", "--from", "shapes.csv", "--kind", "gemm", "--target", "out.toml")
    assert read_target(piped.stdout, "piped.toml").kind == "gpu" and "on families not seen" in piped.stderr


def test_predictions_stand_beside_what_was_measured(chunkc):
    result = chunkc("validate", "--kind", "gemm", "shapes.csv", "--target", "h200", "-o", "out.csv", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["rows"] == 20 and 0 < told["median"] <= told["p90"]
    table = parse_table(read_source("out.csv"), (*KIND.columns, Column(PREDICTED, least=0, whole=False)))
    errors = abs(table.columns[PREDICTED] * 1e-3 / table.seconds - 1)
    assert told["mean"] == pytest.approx(100 * errors.mean(), rel=1e-4)
    plain = chunkc("validate", "--kind", "gemm", "shapes.csv", "--target", "h200")
    columns, row = (line.split("\t") for line in plain.stdout.splitlines())
    assert columns == ["kind", "target", "rows", "mean", "median", "p90"] and row[:3] == ["gemm", "h200", "20"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["calibrate", "--kind", "gemm", "--target", "h200"], 2, "--kind and --target go with --from"),
        (["calibrate", "--from", "shapes.csv"], 2, "--from needs --kind and --target"),
        (["calibrate", "--from", "shapes.csv", "--kind", "gemm", "--target", "h200", "--threads", "2"], 2, "--threads"),
        (["calibrate", "--from", "shapes.csv", "--kind", "gemm", "--target", "edge-npu-32x32"], 1, "CC1102"),
        (["calibrate", "--from", "shapes.csv", "--kind", "gemm", "--target", "l40s"], 1, "has no constants of dense products"),
        (["calibrate", "--from", "none.csv", "--kind", "gemm", "--target", "h200"], 1, "CC1101"),
        (["validate", "--kind", "gemm", "shapes.csv", "--target", "cpu-generic"], 1, "CC1102"),
        (["validate", "--kind", "gemm", "shapes.csv", "--target", "h2000"], 2, "did you mean `h200`"),
        (["validate", "--kind", "sort", "shapes.csv", "--target", "h200"], 2, "sort"),
        (["validate", "--kind", "context_attention", "shapes.csv", "--target", "h200"], 1, "no column `isl`"),
    ],
)
def test_wrong_use_is_told(chunkc, arguments, status, told):
    result = chunkc(*arguments)
    assert result.exit_code == status and told in result.stderr, result.output


def test_values_are_written_anew_however_they_stand():
    text = "# before\n[gemm]\ntensor = '0.5' # half\nfill = { means = 'x', value = '1 us', fitted = true }\n"
    new = refitted(text, "gemm", type(load_target("h200").gemm), {"tensor": 0.25, "fill": 2e-6})
    assert new == '# before\n[gemm]\ntensor = "0.25" # half\nfill = { means = \'x\', value = "2 us", fitted = true }\n'
