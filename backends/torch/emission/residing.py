"""Steps of a schedule as statements: chunks that are moved, and calls that run one by one while theirs are held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....compiler.ir import Node, element_type
from ....compiler.plan import Step
from ....compiler.types import TensorType
from ..expressions.writing import LITERAL
from .fusing import routed, way_text
from .marking import mark

if TYPE_CHECKING:
    from .body import Body


def write_resident(body: Body, step: Step) -> None:
    """A step that moves a chunk, or runs one way of several while its chunks are held."""
    (write_part if step.part is not None else write_move)(body, step)


def write_move(body: Body, step: Step) -> None:
    """One host step that moves a chunk, told what has to be kept for it."""
    wanted = [wanted_text(body, by, way) for by, way in step.wanted]
    paths = [f'"{path}"' for path in (step.label, step.target) if path]
    call = f"{step.kind}({', '.join([f'{body.ctx}.host', *paths, *wanted])})"
    if step.kind == "acquire" and body.graph.memory.get("prefetch", ("",))[0] == "speculative":
        _tell_scores(body, step)
    mark(body, step)
    body.line(f"{body.ctx}.step_done({call})" if body.logged else call)


def _tell_scores(body: Body, step: Step) -> None:
    """Before a chunk is acquired: how near its router came to keeping it, for guesses."""
    for by, way in step.wanted:
        if by.op == "select":
            kept, score = body.selected(by, "kept"), body.selected(by, "score")
            body.line(f'scored({body.ctx}.host, "{step.label}", {way}, {kept}, {score})')


def wanted_text(body: Body, by: Node, way: int) -> str:
    """What tells whether a way of a selection, or a rung of a ladder, has anything to do."""
    if by.op == "ladder":
        return f"({body.ladders[by].rows[way]}, None)"
    return f"({body.selected(by, 'kept')}, {way})"


def write_part(body: Body, step: Step) -> None:
    """One way of several: its value has a line of its own, for nothing may be computed after its chunk is released."""
    node, place = step.nodes[0], step.part
    assert place is not None
    if step.rows:
        fuse_part(body, node, step, place)
    elif node.attrs["single"]:
        mark(body, step)
        body.call(node, named=True)
    else:
        mark(body, step)
        dense_part(body, node, step, place)


def dense_part(body: Body, apply: Node, step: Step, place: int) -> None:
    """One member of an array that is called everywhere; behind the last one, the list of all."""
    (way,) = step.ways
    arguments = tuple(body.variable(operand) for operand in way.arguments)
    flags = tuple(operand in body.positional for operand in way.arguments)
    name = body.names.fresh(f"{_stem(apply)}_{way.member}")
    body.line(f"{name} = {body.shop.member_call(body, apply, way.member, arguments, flags)}")
    parts = body.parts.setdefault(apply, {})
    parts[place] = name
    if len(parts) == len(apply.attrs["members"]):
        body.define(apply, f"[{', '.join(parts[i] for i in sorted(parts))}]", named=True)


def fuse_part(body: Body, fuse: Node, step: Step, place: int) -> None:
    """One way of a routed fuse, on the rows that kept it. Where the step says so, nothing runs if there are none."""
    (way,), combine = step.ways, body.step_of(fuse)
    assert combine is not None
    route = routed(body, fuse, combine)
    at = f"{route.rows}[{place}]"
    for operand in way.arguments:
        body.variable(operand)
    start = len(body.lines)
    mark(body, step, f"({at}.shape[0],)")
    if way.apply.attrs["chunk"]:
        given = zip(way.arguments, way.gathered)
        taken = (f"take({body.tensor(o)}, {at}, {step.rows})" if gathered else body.tensor(o) for o, gathered in given)
        where = f".at({at}, {route.where})"
        text = body.shop.member_call(body, way.apply, way.member, tuple(taken), way.gathered, where)
    else:
        text = way_text(body, way, place, route.rows, step.rows, route.where)
    inside = body.lines[start:]
    name = body.names.fresh(f"{_stem(way.apply)}_{way.member or place}")
    if step.wanted:
        del body.lines[start:]
        text = f"branch({body.ctx}, {at}.shape[0] == 0, lambda: None, {_function(body, name, inside, text)})"
    body.line(f"{name} = {text}")
    body.parts.setdefault(fuse, {})[place] = name


def if_any(body: Body, rows: str, axes: int, stem: str, inside: list[str], values: Sequence[tuple[str, Node]]) -> list[str]:
    """Values that are computed by the lines `inside` only where there are rows (of so many axes); the names of these, or of no
    rows like them."""
    names = [body.names.fresh(stem if len(values) == 1 else f"{stem}_{i}") for i in range(len(values))]
    texts, nothing = ", ".join(text for text, _ in values), ", ".join(_no_rows(body, node, axes) for _, node in values)
    comma = "," if len(values) == 1 else ""
    function = _function(body, stem, inside, f"({texts}{comma})")
    condition = f"{rows}.shape[0] == 0"
    body.line(f"{', '.join(names)}{comma} = branch({body.ctx}, {condition}, lambda: ({nothing}{comma}), {function})")
    return names


def _no_rows(body: Body, node: Node, axes: int) -> str:
    """A tensor like a node's, gathered, without rows."""
    sizes = ["0", *["1"] * (axes - 1), *(body.size(size) for size in node.shape[axes:])]
    dtype = "" if node.tensor.dtype == "f32" else f", dtype={LITERAL[node.tensor.dtype]}"
    return f"{body.like_text()}.new_empty(({', '.join(sizes)},){dtype})"


def _function(body: Body, name: str, inside: list[str], text: str) -> str:
    """A function without arguments that gives a value."""
    if not inside:
        return f"lambda: {text}"
    function = body.names.fresh(f"run_{name}")
    body.lines += [f"def {function}():", *(f"    {line}" for line in (*inside, f"return {text}"))]
    return function


def parts_text(body: Body, fuse: Node, step: Step) -> str:
    """The list of what the ways of a fuse made, of those that did not run too."""
    parts = body.parts[fuse]
    listed = f"[{', '.join(parts[i] for i in sorted(parts))}]"
    kind = element_type(step.ways[0].apply.type)
    assert isinstance(kind, TensorType)
    rest = [body.size(size) for size in kind.shape[step.rows :]]
    sizes = ", ".join(["0", *["1"] * (step.rows - 1), *rest])
    like = body.like_text() + ("" if kind.dtype == "f32" else f".to({LITERAL[kind.dtype]})")
    return f"filled({body.ctx}.host, {listed}, {like}, ({sizes},))"


def _stem(apply: Node) -> str:
    return str(apply.attrs["chunk"]).rpartition(".")[2] or apply.name or "way"
