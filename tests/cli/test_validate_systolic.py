"""`chunkc validate --kind systolic`."""

import json

import pytest
from click.testing import CliRunner

from chunkc.cli import group

RUNS = """dataflow,array_h,array_w,M,N,K,sparsity_nm,sparsity_row_opt_mapping,compute_cycles
os,2,2,2,2,3,,,4
ws,32,32,128,128,128,1:4,True,1775
"""


@pytest.fixture
def runs(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(RUNS, encoding="utf-8")
    return str(path)


def validate(*arguments):
    return CliRunner().invoke(group, ["validate", "--kind", *arguments])


def test_runs_are_met_to_the_cycle(runs, tmp_path):
    done = validate("systolic", runs)
    assert done.exit_code == 0 and "row-wise\t1\t0\t50.03%" in done.output
    written = tmp_path / "out.csv"
    done = validate("systolic", runs, "--compat", "scalesim", "--json", "-o", str(written))
    found = json.loads(done.stdout)["found"]
    assert [(row["sparsity"], row["exact"]) for row in found] == [("dense", 1), ("row-wise", 1)]
    assert written.read_text(encoding="utf-8").splitlines()[2] == "ws,32,32,128,128,128,1:4,True,1775,1775"


def test_what_does_not_belong_together_is_told(runs):
    for arguments, said in (
        (("systolic", runs, "--target", "h200"), "leave `--target` out"),
        (("gemm", runs), "needs `--target`"),
        (("gemm", runs, "--target", "h200", "--compat", "scalesim"), "is of `--kind systolic`"),
    ):
        done = validate(*arguments)
        assert done.exit_code == 2 and said in done.output


def test_a_wrong_table_is_a_finding(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(RUNS.replace("os,2", "os,x"), encoding="utf-8")
    done = validate("systolic", str(path))
    assert done.exit_code == 1 and "CC1101" in done.output and "not `x`" in done.output
