"""The examples of README.md do what it says: `console` blocks print what stands under them, `python` blocks run.

In expected output a line of `…` stands for any lines.
"""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from chunkc.cli import group

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
CONSOLE = [text for language, text in BLOCKS if language == "console"]
PYTHON = [text for language, text in BLOCKS if language == "python"]


def sessions(text):
    """(command, expected output) of each `$` line."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return zip(parts[1::2], parts[2::2])


def pattern(expected):
    lines = expected.rstrip().split("\n")
    return "\n".join(r"(?:.*\n)*?.*" if line == "…" else re.escape(line) for line in lines) + r"\s*"


@pytest.mark.parametrize("text", CONSOLE)
def test_commands_print_what_the_readme_shows(text, monkeypatch, tmp_path):
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    for command, expected in sessions(text):
        name, *arguments = shlex.split(command, comments=True)
        assert name == "chunkc"
        result = CliRunner().invoke(group, arguments)
        assert result.exit_code in (0, 1), result.output
        assert re.fullmatch(pattern(expected), result.output), f"{command} printed:\n{result.output}"


@pytest.mark.parametrize("text", PYTHON)
def test_python_runs(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    exec(compile(text, "README.md", "exec"), {})


def test_every_spec_in_the_readme_is_formatted():
    from chunkc.grammar.format import format_source

    for language, text in BLOCKS:
        if language == "cc":
            assert format_source(text, "README.md") == text


def test_the_readme_names_every_room():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for room in ("compiler", "grammar", "passes", "simulator", "backends", "specs", "cli", "tests", "benchmarks", "docs"):
        assert f"`{room}/`" in text
