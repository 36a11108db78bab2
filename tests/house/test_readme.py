"""The examples of README.md do what it says: `console` blocks print what stands under them, `python` blocks run."""

import re
from pathlib import Path

import pytest
from consoles import assert_prints

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
CONSOLE = [text for language, text in BLOCKS if language == "console"]
PYTHON = [text for language, text in BLOCKS if language == "python"]


@pytest.mark.parametrize("text", CONSOLE)
def test_commands_print_what_the_readme_shows(text, monkeypatch, tmp_path):
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    assert_prints(text)


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
    rooms = ("compiler", "grammar", "passes", "simulator", "store", "backends", "specs", "cli", "tests", "benchmarks", "docs")
    for room in rooms:
        assert f"`{room}/`" in README
