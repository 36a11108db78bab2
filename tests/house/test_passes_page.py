"""docs/passes.md: its tables are up to date, and its plugin, its golden file and its commands do what it says."""

import importlib.util
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from consoles import assert_prints

from chunkc.cli import group

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def block(language, start):
    """The one block of a language that begins so."""
    (found,) = [text for kind, text in BLOCKS if kind == language and text.startswith(start)]
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the page shows, and the specs."""
    (tmp_path / "forget_names.py").write_text(block("python", "# forget_names.py"), encoding="utf-8")
    (tmp_path / "forget.cc").write_text(block("cc", "# pass: forget-names"), encoding="utf-8")
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tables_are_up_to_date():
    spec = importlib.util.spec_from_file_location("make_passes", ROOT / "docs" / "make_passes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page(PAGE) == PAGE, "run `make docs`"


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "console"])
def test_commands_print_what_the_page_shows(text, folder):
    assert_prints(text)


def test_the_golden_file_is_one(folder):
    result = CliRunner().invoke(group, ["test", "forget.cc", "--plugin", "forget_names.py", "--json"])
    assert result.exit_code == 0, result.output
    text = (folder / "forget.cc").read_text()
    (folder / "forget.cc").write_text(text.replace("%3 = op linear", "%hidden = op linear"))
    result = CliRunner().invoke(group, ["test", "forget.cc", "--plugin", "forget_names.py"])
    assert result.exit_code == 1 and "+  %3 = op linear" in result.output


def test_python_runs(folder):
    exec(compile(block("python", "import chunkc"), "docs/passes.md", "exec"), {})
