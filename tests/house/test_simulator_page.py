"""docs/simulator.md and the pictures: what the simulator prints and draws, as it does now, and the example."""

import importlib.util
import re
import subprocess
import sys

import pytest

from chunkc.simulator.routes import KINDS


@pytest.fixture
def made(root):
    spec = importlib.util.spec_from_file_location("make_simulated", root / "docs" / "make_simulated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_commands_print_what_the_page_shows(made, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert made.page(text) == text, "run `make docs`"


def test_the_pictures_are_up_to_date(made):
    assert made.picture() == made.PICTURE.read_text(encoding="utf-8"), "run `make docs`"
    assert made.residency_picture() == made.RESIDENCY.read_text(encoding="utf-8"), "run `make docs`"


def test_the_example_runs_without_torch(root):
    (text,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "simulator.md").read_text(encoding="utf-8"), re.DOTALL)
    check = "import sys; assert report.dense.ratio > 0; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", text + check], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_page_names_every_route(root):
    text = (root / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert all(f"`{kind}" in text for kind in KINDS)
