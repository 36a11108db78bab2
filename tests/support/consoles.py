"""`console` blocks of pages: commands behind `$`, and what they print.

In expected output a line of `…` stands for any lines, and columns are set apart by spaces where the command prints tabs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from click.testing import CliRunner

from chunkc.cli import group


def assert_prints(text: str) -> None:
    """Runs each command of a block where we are; it must print what stands under it."""
    for command, expected in sessions(text):
        name, *arguments = shlex.split(command, comments=True)
        assert name == "chunkc"
        result = CliRunner().invoke(group, arguments)
        assert result.exit_code in (0, 1), result.output
        printed = "\n".join(map(columns, result.output.split("\n")))
        assert re.fullmatch(pattern(expected), printed), f"{command} printed:\n{result.output}"


def assert_page(page: str, name: str, least: int) -> None:
    """Runs the `python` and `console` blocks of a page, at `least` so many, one after the other where we are."""
    blocks = re.findall(r"^```(python|console)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= least
    for language, text in blocks:
        if language == "python":
            exec(compile(text, name, "exec"), {})
        else:
            assert_prints(text)


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """(command, expected output) of each `$` line."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return zip(parts[1::2], parts[2::2])


def pattern(expected: str) -> str:
    """What printed text must match."""
    lines = expected.rstrip().split("\n")
    return "\n".join(r"(?:.*\n)*?.*" if line == "…" else re.escape(columns(line)) for line in lines) + r"\s*"


def columns(line: str) -> str:
    """A line with its columns set apart alike."""
    return re.sub(r"\t| {2,}", "  ", line)
