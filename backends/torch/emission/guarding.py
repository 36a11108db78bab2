"""A routed `fuse` with a guard as statements: the likely computations and the full one as functions, of which a call runs one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....compiler.ir import Node
from ....compiler.plan import Step, Way
from ....compiler.planning.guards import Guard
from ..expressions import bare
from ..expressions.writing import is_number
from .marking import mark, mark_rows

if TYPE_CHECKING:
    from .body import Body


@dataclass(frozen=True, slots=True)
class Routed:
    """The texts of what a routed fuse has decided: `label` names the rows that ran, `where` says what they are rows of, `option`
    is the fuse's kind as an argument."""

    label: str
    kept: str
    weight: str
    rows: str
    where: str
    option: str


def guarded(body: Body, step: Step, guard: Guard, routed: Routed, full: Callable[[], str]) -> str:
    """The text of a fuse's value: a branch for each guard, the most special first; `full` writes the computation behind all.

    What a computation reads from around it gets its name here, so that nothing is first named inside one of them.
    """
    for way in step.ways:
        for operand in way.arguments:
            if not is_number(operand) and operand.op not in ("param", "state"):
                body.variable(operand)
    levels: list[tuple[str, str, Callable[[], str]]] = []
    mark(body, next(one for one in body.block.steps if one.kind == "branch" and one.nodes[0] is step.nodes[0]))
    for path in guard.paths:
        listed = "_".join(map(str, path))
        asked = f'"{routed.label} is {listed}", {routed.rows}, {routed.kept}, {step.rows}, {path}'
        levels.append((f"only_{listed}", f"alone({asked})", lambda path=path: everywhere(body, step, path, routed)))  # type: ignore[misc]
    if guard.idle:
        asked = f'"{routed.label} without {"_".join(map(str, guard.idle))}", {routed.rows}, {guard.idle}'
        levels.append(("hot", f"without({asked})", lambda: some(body, step, guard.idle, routed)))
    return _level(body, levels, full)


def _level(body: Body, levels: Sequence[tuple[str, str, Callable[[], str]]], full: Callable[[], str]) -> str:
    """The branch between the first of the likely computations and all that are behind it."""
    if not levels:
        return full()
    stem, asked, write = levels[0]
    then = function(body, stem, write)
    otherwise = function(body, "otherwise" if len(levels) > 1 else "full", lambda: _level(body, levels[1:], full))
    name, rest = asked.split("(", 1)
    return f"branch({body.ctx}, {body.ctx}.{name}({rest}, {then}, {otherwise})"


def function(body: Body, stem: str, write: Callable[[], str]) -> str:
    """Statements as a function of no arguments; its name."""
    name = body.names.fresh(stem)
    around, body.lines = body.lines, []
    text = write()
    inner, body.lines = body.lines, around
    body.lines += [f"def {name}():", *(f"    {line}" for line in [*inner, f"return {bare(text)}"])]
    return name


def some(body: Body, step: Step, idle: Sequence[int], routed: Routed) -> str:
    """The ways that are not idle, each on its rows; nothing in the place of the others."""
    from .fusing import beside, one_array, way_text

    mark_rows(body, "(1,)")
    mark(body, beside(body, step, "each"), routed.rows)
    ways = [place for place in range(len(step.ways)) if place not in idle]
    parts = body.names.fresh("parts")
    if one_array(step):
        body.line(f"{parts} = {body.shop.routed_few(body, step, routed.rows, ways, routed.where)}")
    else:
        texts = [way_text(body, step.ways[place], place, routed.rows, step.rows, routed.where) for place in ways]
        body.line(f"{parts} = [{', '.join(texts)}]")
    mark(body, step, routed.rows)
    spread = f"with_absent({parts}, {tuple(ways)}, {len(step.ways)})"
    return f"combine({spread}, {routed.rows}, {routed.kept}, {routed.weight}, {step.rows}{routed.option})"


def everywhere(body: Body, step: Step, path: Sequence[int], routed: Routed) -> str:
    """The ways of a path, on all positions as they are."""
    from .fusing import beside

    mark_rows(body, "(1,)")
    mark(body, beside(body, step, "each"), routed.rows)
    streams = f"[{', '.join(_dense(body, step.ways[place]) for place in path)}]"
    if body.logged:
        name = body.names.fresh("streams")
        body.line(f"{name} = {streams}")
        mark(body, step, routed.rows)
        streams = name
    return f"fuse_kept({streams}, {routed.weight}, {tuple(path)}{routed.option})"


def _dense(body: Body, way: Way) -> str:
    """The text of one way's stream everywhere."""
    arguments = tuple(body.tensor(operand) for operand in way.arguments)
    apply: Node = way.apply
    if not apply.attrs["chunk"]:
        return body.inline(apply, arguments, body.ctx, way.gathered)
    method = body.shop.method(body.frame, apply, way.gathered, body.logged)
    module = body.shop.member(body.shop.home(body, apply), body, apply, way.member)
    return body.shop.one(body, apply, method, module, way.member, arguments)
