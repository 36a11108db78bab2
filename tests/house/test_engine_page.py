"""docs/engine.md: its example runs, and the engine is as fast as it must be."""

import re
import subprocess
import sys

import pytest


def test_the_example_runs(root):
    (text,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "engine.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(text, "docs/engine.md", "exec"), {})


@pytest.mark.slow
def test_two_million_events_a_second(root):
    command = [sys.executable, "-m", "benchmarks.engine"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| [\d,]+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", done.stdout, re.MULTILINE)
    assert len(rows) == 4 and min(float(rate) for row in rows for rate in row) >= 2.0
    assert float(re.findall(r"compiled: ([\d.]+) s", done.stdout)[0]) < 10.0
