"""The commands that need no backend: exit status, what goes to stdout and what to stderr, and never a traceback."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from chunkc.cli import COMMANDS, group

TIDY = "model m {\n  input x: f32[B, 8]\n  output y = x |> linear(4)\n}\n"
UNTIDY = "model m{\n  input x:f32[B,8]\n  output y = x|>linear(4)\n}\n"


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: CliRunner().invoke(group, arguments, **options)


def test_help_lists_all_commands(chunkc):
    result = chunkc("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(chunkc, name):
    result = chunkc(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_a_near_command_is_suggested(chunkc):
    result = chunkc("chekc")
    assert result.exit_code == 2
    assert "did you mean `check`?" in result.stderr


def test_python_m_chunkc_runs_the_command():
    done = subprocess.run([sys.executable, "-m", "chunkc", "--version"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0 and done.stdout.startswith("chunkc, version ")


def test_explain(chunkc):
    from chunkc.compiler.codes import CODES

    result = chunkc("explain", "cc0707")
    assert result.exit_code == 0 and result.stdout.startswith("CC0707: not a .npy file")
    assert len(chunkc("explain").stdout.splitlines()) == len(CODES)
    result = chunkc("explain", "CC070")
    assert result.exit_code == 2 and "did you mean `CC0" in result.stderr


def test_fmt_rewrites_and_is_idempotent(chunkc, tmp_path):
    (tmp_path / "deep" / ".hidden").mkdir(parents=True)
    for name in ("a.cc", "deep/b.cc", "deep/.hidden/c.cc"):
        (tmp_path / name).write_text(UNTIDY)
    assert chunkc("fmt", "--check", ".").exit_code == 1
    assert (tmp_path / "a.cc").read_text() == UNTIDY
    result = chunkc("fmt", ".")
    assert result.exit_code == 0 and result.stdout == "" and "formatted a.cc" in result.stderr
    assert (tmp_path / "a.cc").read_text() == (tmp_path / "deep/b.cc").read_text() == TIDY
    assert (tmp_path / "deep/.hidden/c.cc").read_text() == UNTIDY
    assert chunkc("fmt", "--check", ".").exit_code == 0


def test_fmt_shows_a_diff(chunkc, tmp_path):
    (tmp_path / "a.cc").write_text(UNTIDY.rstrip())
    result = chunkc("fmt", "--diff", "a.cc")
    assert result.exit_code == 1
    for line in ("-model m{\n", "+model m {\n", "\\ No newline at end of file\n"):
        assert line in result.stdout
    assert (tmp_path / "a.cc").read_text() == UNTIDY.rstrip()


def test_fmt_reads_stdin(chunkc):
    result = chunkc("fmt", "-", input=UNTIDY)
    assert (result.exit_code, result.stdout) == (0, TIDY)
    result = chunkc("fmt", "-", input="model m {")
    assert result.exit_code == 1 and result.stdout == "" and "--> <stdin>:1:" in result.stderr
    result = chunkc("fmt", "-", input=b"\xff\xfe")
    assert result.exit_code == 2 and "stdin is not UTF-8 text" in result.stderr


def test_fmt_goes_on_behind_a_broken_file(chunkc, tmp_path):
    (tmp_path / "a.cc").write_text("model {")
    (tmp_path / "b.cc").write_text(UNTIDY)
    assert chunkc("fmt", "a.cc", "missing.cc", "b.cc").exit_code == 2
    assert chunkc("fmt", "a.cc").exit_code == 1
    assert (tmp_path / "b.cc").read_text() == TIDY


def test_new_writes_a_tidy_spec_once(chunkc, tmp_path):
    assert chunkc("new", "mine").exit_code == 0
    assert chunkc("fmt", "--check", "mine.cc").exit_code == 0
    text = (tmp_path / "mine.cc").read_text()
    result = chunkc("new", "mine.cc")
    assert result.exit_code == 2 and "exists" in result.stderr
    assert (tmp_path / "mine.cc").read_text() == text
    assert chunkc("new", "not a name").exit_code == 2


@pytest.mark.parametrize("command", ["check", "fmt", "opt", "compile", "run"])
def test_a_missing_file_is_told_in_words(chunkc, command):
    result = chunkc(command, "missing.cc")
    assert result.exit_code == 2
    assert "error[CC0701]: `missing.cc`: no such file or directory" in result.output
    assert "Traceback" not in result.output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_a_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m chunkc explain | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr == "" and done.stdout.startswith("CC0101")


@pytest.mark.parametrize(("width", "drawn"), [("80", False), ("120", True)])
def test_no_word_of_a_table_is_cut_on_a_terminal(monkeypatch, capsys, width, drawn):
    from chunkc.cli.report import table

    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    content = f"sha256:{64 * 'a'}"
    table(("version", "content"), [("models/edges@v1", content)])
    told = capsys.readouterr().out
    assert "models/edges@v1" in told and content in told and ("│" in told) == drawn
