"""Writes the tables of `docs/targets.md`: the fields of a target's file from the classes that hold them, and the shipped targets.

Run it as `python docs/make_targets.py` after a change; a test compares. What stands outside of the marked parts is left alone.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs

from chunkc.simulator.constants import AttentionConstants, CpuConstants, GemmConstants, GroupedConstants, LoadConstants
from chunkc.simulator.target import Energy, Launch, Level, Link, Matrix, Note, Power, Target, Vector
from chunkc.simulator.target_listing import written
from chunkc.simulator.target_reading import load_target, shipped
from chunkc.simulator.target_values import keys_of
from chunkc.simulator.units import USUAL

PAGE = Path(__file__).resolve().parent / "targets.md"

TABLES: dict[str, type] = {
    "[matrix]": Matrix,
    "[vector]": Vector,
    "[memory.NAME]": Level,
    "[[links]]": Link,
    "[launch]": Launch,
    "[energy]": Energy,
    "[power]": Power,
    "[gemm]": GemmConstants,
    "[grouped]": GroupedConstants,
    "[attention]": AttentionConstants,
    "[cpu]": CpuConstants,
    "[loading]": LoadConstants,
    "{ value = …, … }": Note,
}


def page(text: str) -> str:
    """The page with its made parts written again."""
    for name, made in (("fields", fields()), ("shipped", listed())):
        begin, end = f"<!-- {name}: made by docs/make_targets.py -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = text.partition(begin)
        assert found and end in rest, f"docs/targets.md has no part `{name}`"
        text = before + begin + made + end + rest.partition(end)[2]
    return text


def fields() -> str:
    """A table for each table of the file."""
    attrs.resolve_types(Target)
    top = [field for field in keys_of(Target).values() if not holds_tables(field.type)]
    parts = ["### At the top", "", rows(top, docs_of(Target))]
    for name, kind in TABLES.items():
        parts += part(name, kind)
    return "\n".join(parts)


def part(name: str, kind: type) -> list[str]:
    """The table of a table, and those of the arrays of tables under it."""
    attrs.resolve_types(kind)
    known = list(keys_of(kind).values())
    found = [f"### `{name}`", "", inspect.getdoc(kind) or "", "", rows(known, docs_of(kind)) if known else "No keys so far.\n"]
    for field in known:
        if get_origin(field.type) is tuple and attrs.has(get_args(field.type)[0]):
            found += part(f"[[{name.strip('[]')}.{field.name}]]", get_args(field.type)[0])
    return found


def holds_tables(kind: Any) -> bool:
    """Whether a field stands in a file as tables of its own."""
    return any(attrs.has(each) for each in (kind, *get_args(kind)))


def docs_of(kind: type) -> Mapping[str, str]:
    """What stands under each field of a class."""
    found: dict[str, str] = {}
    (made,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(made, ast.ClassDef)
    for field, doc in zip(made.body, made.body[1:]):
        match field, doc:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


def rows(known: Iterable[attrs.Attribute[Any]], docs: Mapping[str, str]) -> str:
    """A row for each field."""
    lines = ["| key | takes | unit | without it | meaning |", "| --- | --- | --- | --- | --- |"]
    for field in known:
        unit = field.metadata.get("unit", "")
        usual = "required" if field.default is attrs.NOTHING else default(field)
        cells = (f"`{field.name}`", takes(field, unit), f"`{unit}`" if unit else "", usual, docs.get(field.name, ""))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def takes(field: attrs.Attribute[Any], unit: str) -> str:
    """What may stand behind a key."""
    kind = field.type
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{word}"`' for word in get_args(kind) if word)
    if unit:
        example = f'`"{USUAL[unit]}"`' if unit in USUAL else "a number" if unit == "1" else f"a quantity in {unit}"
        return f"a table, each {example}" if get_origin(kind) is Mapping else example
    if get_origin(kind) is tuple:
        return "tables" if attrs.has(get_args(kind)[0]) else "an array"
    if get_origin(kind) is Mapping:
        return "a table of texts"
    return {int: "a whole number", str: "text", bool: "`true`, `false`", float: "a number"}.get(kind, "a table")  # type: ignore[call-overload]


def default(field: attrs.Attribute[Any]) -> str:
    """What stands for a value that the file does not say."""
    match field.default:
        case bool():
            return f"`{str(field.default).lower()}`"
        case 0 | "" | False:
            return "none"
        case float() | int() if field.default == float("inf"):
            return "no limit"
        case float() | int():
            return f"`{field.default:g}`"
        case _:
            return "none"


def listed() -> str:
    """A row for each shipped target."""
    lines = ["| target | hardware | kind | bf16 | memory | bandwidth |", "| --- " * 6 + "|"]
    for name in shipped():
        target = load_target(name)
        rate, memory = written(2 * target.peak_macs("bf16"), "FLOP/s"), target.device_memory
        cells = (f"`{name}`", target.title, target.kind, rate, written(memory.size, "B"), written(memory.bandwidth, "B/s"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
