"""Every diagnostic of elaboration: where it stands, by marks in the files of `wrong/`, and its whole rendering beside them.

A mark `# error: CODE text` (or `warning:`) at the end of a line says which findings have their place on that line, and what is
underlined. Sections of a file begin with `#: title`, and each is a spec of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import chunkc
from chunkc.compiler.codes import CODES
from chunkc.compiler.codes_selections import WARNINGS
from chunkc.compiler.diagnostics import CompileError, Diagnostic, Findings
from chunkc.compiler.render import render_text
from chunkc.grammar import elaborate

HERE = Path(__file__).parent / "wrong"
MARK = re.compile(r"# (error|warning): (CC\d{4}) ?(.*)$")
SECTION = re.compile(r"^#: (.*)\n", re.M)


def sections(path: Path) -> Iterator[tuple[str, str]]:
    _, *parts = SECTION.split(path.read_text(encoding="utf-8"))
    yield from zip(parts[::2], parts[1::2])


CASES = [pytest.param(path.stem, title, text, id=title) for path in sorted(HERE.glob("*.cc")) for title, text in sections(path)]


def found(name: str, text: str, *, training: bool) -> list[Diagnostic]:
    findings = Findings()
    try:
        elaborate.loads(text, path=f"{name}.cc", findings=findings, training=training)
    except CompileError as error:
        assert list(error.diagnostics) == findings.items
    return findings.items


def marked(text: str) -> set[tuple[int, str, str, str]]:
    marks = ((number, MARK.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return {(number, mark[1], mark[2], mark[3]) for number, mark in marks if mark}


@pytest.mark.parametrize(("name", "title", "text"), CASES)
def test_found_where_it_is_marked(name: str, title: str, text: str) -> None:
    items = found(name, text, training=True)
    places = {(item.span.line, item.severity, item.code, " ".join(item.span.text.split())) for item in items}
    assert places == {(number, severity, code, " ".join(said.split())) for number, severity, code, said in marked(text)}
    assert len(items) == len(places), "something is said twice of one place"


@pytest.mark.parametrize("name", sorted({case.values[0] for case in CASES}))
def test_reads_as_it_did(name: str, golden: Callable[[str, str], None]) -> None:
    text = ""
    for title, spec in sections(HERE / f"{name}.cc"):
        text += f"==== {title}\n\n{render_text(found(name, spec, training=True))}\n"
    golden(f"wrong/{name}.txt", text)


def test_every_code_of_elaboration_is_tried() -> None:
    tried = {code for path in HERE.glob("*.cc") for _, _, code, _ in marked(path.read_text(encoding="utf-8"))}
    elsewhere = {"CC0206", "CC0508", "CC1002"}  # more files, a command line, or much time: `test_files.py`, `test_limits.py`
    sections = ("CC02", "CC03", "CC04", "CC05", "CC08", "CC10")
    assert {code for code in CODES if code.startswith(sections)} - tried - elsewhere == set()


def test_errors_are_the_same_for_eval_and_training() -> None:
    for case in CASES:
        name, _, text = case.values
        at = [{(d.code, d.message, d.span.start) for d in found(name, text, training=t)} for t in (False, True)]
        assert at[0] == {item for item in at[1] if item[0] not in WARNINGS or item in at[0]}


def test_check_reports_all_of_a_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.cc"
    path.write_text("model m {\n  input x: f32[B, 8]\n  output a = x |> linea(3)\n  output b = x + ones([3])\n}\n")
    assert [item.code for item in chunkc.check(path)] == ["CC0201", "CC0305"]
