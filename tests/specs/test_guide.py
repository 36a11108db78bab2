"""Every example of the language guide is a whole file that checks, and that stands in the formatter's layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chunkc

GUIDE = Path(__file__).parents[2] / "docs" / "language.md"
EXAMPLES = re.findall(r"^```cc\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def title(text: str) -> str:
    """An example by its last model, which is the one that is loaded."""
    return re.findall(r"^model (\w+)", text, re.MULTILINE)[-1]


@pytest.mark.parametrize("text", EXAMPLES, ids=title)
def test_example_checks(text: str, tmp_path: Path) -> None:
    path = tmp_path / "example.cc"
    path.write_text(text, encoding="utf-8")
    # What an example names of a store is not here, and it says what becomes of calls then.
    found = [one for one in chunkc.check(path) if one.code != "CC1444"]
    assert not found, chunkc.render_text(found)


@pytest.mark.parametrize("text", EXAMPLES, ids=title)
def test_example_is_formatted(text: str) -> None:
    assert chunkc.format(text) == text


def test_specs_that_are_named_exist() -> None:
    named = re.findall(r"`([a-z_]+)`", GUIDE.read_text(encoding="utf-8").split("## Where to look next")[1])
    missing = [name for name in named if not (GUIDE.parents[1] / "specs" / f"{name}.cc").exists()]
    assert not missing
