"""The text of every spec: it parses, formats to itself, checks, stays short and names its source."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import CASES, PARTS, SPECS, every_spec

import chunkc
from chunkc.compiler.equality import equal
from chunkc.compiler.ir import Graph

LONGER = {"resnet18", "gpt", "vit", "std"}
WARNINGS = {"translation_attention": ["CC0802"]}
"""What `check` rightly says of a spec: levels over pairs cost a dense product."""


def show(path: Path) -> str:
    return str(path.relative_to(SPECS).with_suffix(""))


@pytest.mark.parametrize("path", every_spec(), ids=show)
def test_formats_to_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert chunkc.format(text, str(path)) == text


@pytest.mark.parametrize("path", every_spec(), ids=show)
def test_starts_with_a_comment_and_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 40 or path.stem in LONGER


@pytest.mark.parametrize("path", [p for p in every_spec() if p.stem != "std"], ids=show)
def test_checks(path: Path) -> None:
    found = chunkc.check(path)
    assert [item.code for item in found] == WARNINGS.get(path.stem, []), chunkc.render_text(found)


def test_composition_checks_with_its_parts_bound() -> None:
    assert not chunkc.check(SPECS / "composition.cc", bind=PARTS)


def test_every_spec_has_a_case() -> None:
    cased = {case.spec for case in CASES}
    assert {path.stem for path in SPECS.glob("*.cc")} - cased == {"std", "digits"}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_core_form_reads_back_equal(case, training: bool, tmp_path: Path) -> None:
    from harness import graph

    made: Graph = graph(case, training=training)
    again = tmp_path / "again.cc"
    again.write_text(chunkc.print(made), encoding="utf-8")
    assert equal(chunkc.load(again, training=training), made)
