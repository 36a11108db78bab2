"""The table of codes: each is used, each used one is there, and the examples of the explanations are wrong as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chunkc.compiler.codes import CODES
from chunkc.compiler.codes_language import CHUNKS, LIMITS, NAMES, TYPES
from chunkc.compiler.codes_selections import SELECTIONS, WARNINGS
from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.grammar import elaborate

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api.py", "backends", "cli", "compiler", "grammar", "passes", "simulator", "store")
LANGUAGE = {**NAMES, **TYPES, **SELECTIONS, **CHUNKS, **WARNINGS, **LIMITS}
MARK = re.compile(r"\s*# (?:write: (.*)|leave out)$")


def modules() -> list[Path]:
    return [path for room in ROOMS for path in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))]


def used() -> dict[str, list[str]]:
    """Where each code stands in the package, outside the tables that word it."""
    found: dict[str, list[str]] = {}
    for path in modules():
        if path.name.startswith("codes"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for code in re.findall(r"\bCC\d{4}\b", line):
                found.setdefault(code, []).append(f"{path.relative_to(ROOT)}:{number}")
    return found


def test_every_code_that_is_used_has_a_wording() -> None:
    assert {code: places for code, places in used().items() if code not in CODES} == {}


def test_every_wording_is_used() -> None:
    assert set(CODES) - set(used()) == set()


@pytest.mark.parametrize("code", LANGUAGE)
def test_explanations_are_short(code: str) -> None:
    lines = CODES[code].explanation.splitlines()
    assert max(map(len, lines)) <= 140 and len([line for line in lines if line]) <= 12


def example(code: str) -> list[str]:
    return [line[4:] for line in CODES[code].explanation.splitlines() if line.startswith("    ")]


def whole(lines: list[str]) -> str:
    if any(line.startswith(("model ", "use ")) for line in lines):
        return "\n".join(lines)
    ends = [] if any(line.startswith("output ") for line in lines) else ["output end = x"]
    if any(re.match(r"(fuse )?y = ", line) for line in lines):
        ends = ["output y"]
    inputs = ["input x: f32[B, T, d]", *(["input v: f32[B, d]"] if re.search(r"\bv\b", "\n".join(lines)) else [])]
    return "\n".join(["model m(d: int = 8) {", *inputs, *lines, *ends, "}"])


def codes_of(lines: list[str]) -> set[str]:
    findings = Findings()
    try:
        elaborate.loads(whole(lines), findings=findings, training=True)
    except CompileError:
        pass
    return {item.code for item in findings.items}


@pytest.mark.parametrize("code", [code for code in LANGUAGE if any(MARK.search(line) for line in example(code))])
def test_an_example_is_wrong_as_it_says_and_its_mend_is_right(code: str) -> None:
    lines = example(code)
    found = codes_of([MARK.sub("", line) for line in lines])
    assert code in found and found - {code} <= set(WARNINGS)
    mended = [match[1] if (match := MARK.search(line)) else line for line in lines]
    left = codes_of([line for line in mended if line is not None])
    assert code not in left and left <= set(WARNINGS)


def test_most_codes_have_an_example() -> None:
    without = {code for code in LANGUAGE if not any(MARK.search(line) for line in example(code))}
    assert without == {"CC0206", "CC0207", "CC0208", "CC0508", "CC1002", "CC1005"}
