"""The examples of README.md do what it says: `console` blocks print what stands under them, `python` blocks run.

In expected output a line of `…` stands for any lines, and columns are set apart by spaces where the command prints tabs.
"""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from chunkc.cli import group

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
CONSOLE = [text for language, text in BLOCKS if language == "console"]
PYTHON = [text for language, text in BLOCKS if language == "python"]


def sessions(text):
    """(command, expected output) of each `$` line."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return zip(parts[1::2], parts[2::2])


def pattern(expected):
    lines = expected.rstrip().split("\n")
    return "\n".join(r"(?:.*\n)*?.*" if line == "…" else re.escape(columns(line)) for line in lines) + r"\s*"


def columns(line):
    return re.sub(r"\t| {2,}", "  ", line)


@pytest.mark.parametrize("text", CONSOLE)
def test_commands_print_what_the_readme_shows(text, monkeypatch, tmp_path):
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    for command, expected in sessions(text):
        name, *arguments = shlex.split(command, comments=True)
        assert name == "chunkc"
        result = CliRunner().invoke(group, arguments)
        assert result.exit_code in (0, 1), result.output
        printed = "\n".join(map(columns, result.output.split("\n")))
        assert re.fullmatch(pattern(expected), printed), f"{command} printed:\n{result.output}"


@pytest.mark.parametrize("text", PYTHON)
def test_python_runs(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    exec(compile(text, "README.md", "exec"), {})


def test_every_spec_in_the_readme_is_formatted():
    from chunkc.grammar.format import format_source

    for language, text in BLOCKS:
        if language == "cc":
            assert format_source(text, "README.md") == text
            assert text in "".join(path.read_text(encoding="utf-8") for path in (ROOT / "specs").glob("*.cc"))


def test_what_the_readme_quotes_from_files_is_there():
    rows = re.findall(r"^\| `([\w/.]+)` \| `{1,2}(.*?)`{1,2} \|$", README, re.MULTILINE)
    assert len(rows) >= 3
    for path, quoted in rows:
        assert quoted in (ROOT / path).read_text(encoding="utf-8")


def test_the_readme_names_every_room():
    for room in ("compiler", "grammar", "passes", "simulator", "backends", "specs", "cli", "tests", "benchmarks", "docs"):
        assert f"`{room}/`" in README
