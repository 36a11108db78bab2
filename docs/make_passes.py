"""Writes the tables of passes in `docs/passes.md`, from the registry, the pipelines and the docstrings of the passes.

Run it as `python docs/make_passes.py` after a change; a test compares. What stands outside of the marked parts is left alone.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_type_hints

from chunkc.passes.lower_plan import LowerPlan
from chunkc.passes.manager import flat, lowering
from chunkc.passes.manager import text as written
from chunkc.passes.options import option_fields, spell
from chunkc.passes.pipeline import PASSES, PIPELINES, level

PAGE = Path(__file__).resolve().parent / "passes.md"


def page(text: str) -> str:
    """The page with its made parts written again."""
    for name, made in (("passes", passes()), ("levels", levels()), ("options", options())):
        begin, end = f"<!-- {name}: made by docs/make_passes.py -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = text.partition(begin)
        assert found and end in rest, f"docs/passes.md has no part `{name}`"
        text = before + begin + made + end + rest.partition(end)[2]
    return text


def passes() -> str:
    """A row for each pass: name, what it does, its law, the levels it runs at."""
    rows = [(name, kind) for name, kind in PASSES.items()] + [(LowerPlan.name, LowerPlan)]
    lines = ["| pass | what it does | law | level |", "| --- | --- | --- | --- |"]
    for name, kind in rows:
        marks = ("" if getattr(kind, "exact", True) else "†") + ("‡" if lowering(kind) else "")
        cells = (f"`{name}`{marks}", does(kind), law(kind), at(name))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def does(kind: type) -> str:
    """The first paragraph of a pass's docstring."""
    return joined((inspect.getdoc(kind) or "").split("\n\n")[0])


def law(kind: type) -> str:
    """The first sentence behind `The law:` in a pass's docstring."""
    found = re.search(r"The law: (.+?\.)(?= [A-Z(]|$)", joined(inspect.getdoc(kind) or "", "\n"), re.MULTILINE)
    assert found, f"the docstring of {kind.__name__} says no law"
    return found[1][0].upper() + found[1][1:]


def joined(text: str, between: str = " ") -> str:
    """Paragraphs on a line each."""
    return between.join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def at(name: str) -> str:
    """The levels that run a pass."""
    if name == LowerPlan.name:
        return "all, by the backends"
    found = [f"-{one}" for one in PIPELINES if name in {each.name for each in flat(level(one))}]
    return " ".join(found) or "by name"


def levels() -> str:
    """What each level runs, as `--passes` takes it."""
    lines = [f"-{name}  " + (",\n     ".join(map(written, level(name))) or "nothing") for name in PIPELINES]
    return "```text\n" + "\n".join(lines) + "\n```\n"


def options() -> str:
    """A row for each option of a pass."""
    lines = ["| pass | option | takes | usual |", "| --- | --- | --- | --- |"]
    for name, kind in PASSES.items():
        hints = get_type_hints(kind)
        for option, field in option_fields(kind).items():
            usual = repr(field.default) if isinstance(field.default, str | int | float | bool | None | tuple) else "its own"
            lines.append(f"| `{name}` | `{option}` | {spell(hints[option])} | `{usual}` |".replace("`its own`", "its own"))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
