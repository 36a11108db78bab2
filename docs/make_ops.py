"""Writes `docs/ops.md`: every op and every field, from the tables of the compiler and the words of the standard library.

Run it as `python docs/make_ops.py` after a change; a test compares.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from chunkc.compiler.fields import MEMORY, RESULTS, RULES, SELECTION, Field
from chunkc.compiler.ops import FAMILIES, OPS, Arg, Op
from chunkc.grammar.elaborate.forms import FORMS

HERE = Path(__file__).resolve().parent
PAGE = HERE / "ops.md"
STANDARD = HERE.parent / "specs" / "std.cc"

HEAD = """# Ops and fields

Made by `make docs` from the op table (`compiler/ops/`), the table of fields (`compiler/fields.py`) and `specs/std.cc`.

`x |> f(a)` is `f(x, a)`. An axis goes by the name it was written with, or by position; without one, an op works on the last.
A list of axes or sizes (`…`) may be written without brackets: `mean(H, W)`. Nothing is converted by itself: both sides of an
operator have one type.

`weight=true` and `bias=true` stand for parameters that the op makes for itself; `false` leaves them out, and a value takes their
place. A weight may also stand where a size is expected (`linear(w)`): then there is no bias unless one is given.
"""

OPERATORS = {
    "add": "a + b",
    "sub": "a - b",
    "mul": "a * b",
    "div": "a / b",
    "mod": "a mod b",
    "neg": "-x",
    "not": "not x",
    "eq": "a == b",
    "ne": "a != b",
    "lt": "a < b",
    "le": "a <= b",
    "gt": "a > b",
    "ge": "a >= b",
}
"""Ops that are written as operators."""


def page() -> str:
    """The page as text."""
    parts = [HEAD, "## Ops of the table\n"]
    for family, rows in FAMILIES.items():
        if not (ops := [op for op in rows if op.written]):
            continue
        parts += [f"### {family}\n", table(("op", "meaning"), ((code(signature(op)), op.doc) for op in ops))]
    parts += ["## Calls that become several ops\n", table(("call", "meaning"), ((code(name), doc) for name, doc in forms()))]
    parts += ["## The standard library\n", table(("call", "meaning"), ((code(name), doc) for name, doc in standard()))]
    parts += [
        "## Fields of a `router` or `mask`\n",
        "`grain` is for masks only; only `score` must be given (and a mask's `grain`).\n",
    ]
    parts += [
        fields(SELECTION),
        "### Rules of `keep`\n",
        keep_words(),
        fields(RULES),
        "### What a selection gives\n",
        fields(RESULTS),
    ]
    parts += ["## Fields of `memory`\n", fields(MEMORY)]
    return "\n".join(parts)


def keep_words() -> str:
    return (
        "Rules are joined by `|>`. `over=` names the dimensions ranked together, `of=` the value that is read. Percentages and\n"
        "`share(x)` are of all positions ranked together, and round up.\n"
    )


def signature(op: Op) -> str:
    """A call as it is written."""
    if op.name in OPERATORS:
        return OPERATORS[op.name]
    return f"{op.name}({', '.join(argument(arg) for arg in op.args if arg.form != 'core')})"


def argument(arg: Arg) -> str:
    if arg.kind == "param":
        return f"{arg.name}={str(arg.default).lower()}"
    if arg.kind in ("values", "sizes", "order"):
        return f"{arg.name}…"
    if arg.required or arg.form == "surface" and arg.default is None:
        return arg.name
    default = arg.default[0] if arg.kind == "axes" and len(arg.default) == 1 else arg.default
    return arg.name + (
        "=" + (str(default).lower() if isinstance(default, bool) else str(default)) if default is not None else "=…"
    )


def forms() -> Iterator[tuple[str, str]]:
    """Calls that are no op by themselves, with the first line of what their rule says."""
    library = {name.partition("(")[0] for name, _ in standard()}
    for name, form in sorted(FORMS.items()):
        if name not in OPS and name not in library:
            yield name, (inspect.getdoc(form) or "").splitlines()[0]


def standard() -> Iterator[tuple[str, str]]:
    """The models of `std.cc`, with the comment above each."""
    comment: list[str] = []
    name, doc, inputs = "", "", [""]
    for line in STANDARD.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"model (\w+)(?:\((.*)\))?", line):
            name, inputs, doc, parameters = found[1], [], " ".join(comment), found[2]
            given = re.sub(r": \w+", "", parameters).replace(" = ", "=") if parameters else ""
        elif name and (found := re.match(r"  input (\w+)", line)):
            inputs.append(found[1])
        elif name and line.startswith("}"):
            yield f"{name}({', '.join([*inputs, *([given] if given else [])])})", doc
            name = ""
        comment = [*comment, line.removeprefix("# ")] if line.startswith("# ") and "----" not in line else []


def fields(entries: Iterable[Field]) -> str:
    known = tuple(entries)
    rows = [(code(entry.name), ", ".join(map(code, entry.forms)), entry.doc, entry.default) for entry in known]
    width = 4 if any(entry.default for entry in known) else 3
    return table(("word", "as in", "meaning", "without it")[:width], (row[:width] for row in rows))


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown, with bars in its cells escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
