"""What one node launches, computed on all positions of its body or on a share of them."""

from __future__ import annotations

from collections.abc import Mapping

from ..cost import Cost, How
from ..dims import evaluate
from ..ir import Node, streams_of
from ..ops import OPS
from ..selection import Rule, Share
from ..types import BundleType, SelectionType, TensorType
from . import routing, selecting
from .rows import ROWS, Op
from .tape import EAGER, Array, Number, Tape

FIXED = frozenset({"param", "state", "const"})
"""What has no positions: it is read whole, however few of them are computed."""

ENTER = 2
"""Launches that take the host as long as calling the module of a chunk."""

Dims = Mapping[str, Number]


def node_calls(node: Node, dims: Dims, share: Number = 1, how: How = EAGER) -> list[Cost]:
    """The calls of an op, a `select`, a `field` or a `fuse` that is computed densely, on this share of its positions (the first
    axis of what is no parameter). Nothing of an `apply`, which a walk enters. `UnboundDim` where `dims` lacks a size."""
    t = Tape(how)
    if node.op in OPS:
        ROWS[node.op](t, operands_of(node, dims, share, how))
    elif node.op == "select":
        _select(t, node, dims, share)
    elif node.op == "field" and isinstance(node.operands[0].type, SelectionType):
        _field(t, node, dims, share)
    elif node.op == "fuse":
        _fuse(t, node, dims, share)
    return t.calls


def enter_calls(apply: Node) -> list[Cost]:
    """Calling the module of a chunk: no work, and as long for the host as a launch."""
    return [Cost(0, 0, ENTER)] if apply.attrs["chunk"] else []


def array_of(type: TensorType, dims: Dims, share: Number = 1, how: How = EAGER) -> Array:
    """A type as an array, its first axis times a share."""
    shape: list[Number] = [evaluate(size, dims) for size in type.shape]  # type: ignore[arg-type]
    if shape and share != 1:
        shape[0] *= share
    return Array(tuple(shape), how.of(type.dtype))


def operand_array(node: Node, dims: Dims, share: Number, how: How) -> Array:
    """What a node holds, as an operand: parameters whole."""
    return array_of(node.tensor, dims, 1 if node.op in FIXED else share, how)


def operands_of(node: Node, dims: Dims, share: Number, how: How) -> Op:
    """An op with its operands."""
    given = tuple(None if is_number(one) else operand_array(one, dims, share, how) for one in node.operands)
    fixed = bool(node.operands) and all(one.op in FIXED for one in node.operands)
    return Op(node, given, array_of(node.tensor, dims, 1 if fixed else share, how), dims)


def is_number(node: Node) -> bool:
    """Whether a value is made of constants alone: a number of Python, read by no kernel."""
    if node.op == "const":
        return True
    scalar = node.op in OPS and OPS[node.op].pointwise and bool(node.operands) and not node.shape
    return scalar and all(is_number(operand) for operand in node.operands)


# ---- selections


def _select(t: Tape, node: Node, dims: Dims, share: Number) -> None:
    """The rules, each among what the one before kept, and what is kept where they keep too little."""
    slots = dict(zip(node.attrs["slots"], node.operands))
    given = {name: operand_array(one, dims, share, t.how) for name, one in slots.items() if not is_number(one)}
    score = given["score"] = selecting.at_least_f32(t, given.get("score", _shaped(node, dims, share, t.how)))
    allowed, levels = given.get("allowed"), node.attrs["levels"]
    among, kept = allowed, []
    for rule in node.attrs["rules"]:
        kept.append(_rule(t, rule, given, score, allowed, allowed if levels else among))
        among = kept[-1]
    last = selecting.keep_level(t, given["level"], *kept) if levels else kept[-1]
    match node.attrs["fallback"]:
        case ("all", *_):
            selecting.fallback_all(t, last, given.get("coverage", score), allowed)
        case ("last",):
            selecting.fallback_last(t, last)
            if allowed is not None:
                t.each("and", last, allowed)
    if node.attrs["renormalise"] and node.attrs["train"] != "straight_through":
        # Made once, for all that reads it.
        selecting.renormalise(t, _shaped(node, dims, share, t.how), array_of(node.selection.kept, dims, share))


def _shaped(node: Node, dims: Dims, share: Number, how: How) -> Array:
    return array_of(node.selection.weight, dims, share, how)


def _rule(t: Tape, rule: Rule, given: Mapping[str, Array], score: Array, allowed: Array | None, among: Array | None) -> Array:
    of = given.get(rule.of, score)
    limit = given.get(rule.threshold)
    match rule.kind:
        case "above":
            return selecting.above(t, of, limit, among)
        case "top_p":
            return selecting.top_p(t, of, limit, rule.over, among)
        case "all":
            return selecting.keep_all(t, of, among)
    counted = isinstance(rule.amount, Share)
    amount = selecting.share(t, of, rule.over, allowed) if isinstance(rule.amount, Share) else rule.amount
    assert counted or isinstance(amount, int)
    return (selecting.top if rule.kind == "top" else selecting.first)(t, of, amount, rule.over, among)


def _field(t: Tape, node: Node, dims: Dims, share: Number) -> None:
    """A result of a selection that is made when it is read."""
    select, name = node.operands[0], node.attrs["name"]
    if name == "weight":
        selected_weight(t, select, dims, share)
    elif name == "load":
        selecting.load(t, array_of(select.selection.kept, dims, share), t.how.of(select.selection.weight.dtype))
    elif name == "gate" and select.attrs["train"] != "straight_through":
        t.cast(array_of(select.selection.kept, dims, share), t.how.of(select.selection.weight.dtype))
    elif name == "gate":
        _gate(t, select, dims, share)


def _gate(t: Tape, select: Node, dims: Dims, share: Number) -> None:
    """`kept` as a float that has the gradient of the rules' surrogates."""
    kept, weight = array_of(select.selection.kept, dims, share), _shaped(select, dims, share, t.how)
    if select.attrs["levels"]:
        level = select.slot("level")
        assert level is not None
        selecting.surrogate_levels(t, operand_array(level, dims, share, t.how), *(kept for _ in select.attrs["levels"]))
    for rule in () if select.attrs["levels"] else select.attrs["rules"]:
        if rule.kind == "above":
            selecting.surrogate_above(t, weight)
        elif rule.kind in ("top", "top_p"):
            selecting.surrogate_top(t, weight, kept, rule.over)
    selecting.straight_through(t, kept, weight)


def selected_weight(t: Tape, select: Node, dims: Dims, share: Number) -> Array:
    """The weights of what is kept, 0 elsewhere; renormalised ones were made with the selection."""
    kept, given = array_of(select.selection.kept, dims, share), select.slot("weight")
    weight = _shaped(select, dims, share, t.how)
    if given is None:
        t.fill(*weight.shape, dtype=weight.dtype, op="ones")
    return weight if select.attrs["renormalise"] else t.each("where", weight, kept)


# ---- fuses


def _fuse(t: Tape, node: Node, dims: Dims, share: Number) -> None:
    """All streams everywhere, put together."""
    streams, by = streams_of(node)
    arrays: list[Array] = []
    for stream in streams:
        kind = stream.type
        element = kind.element if isinstance(kind, BundleType) else kind
        assert isinstance(element, TensorType)
        arrays += [array_of(element, dims, share, t.how)] * (kind.count if isinstance(kind, BundleType) else 1)
    if by is None:
        routing.fuse_terms(t, arrays, node.attrs["kind"])
        return
    through, kept = by.attrs["train"] == "straight_through", array_of(by.selection.kept, dims, share)
    weight = _shaped(by, dims, share, t.how) if through else selected_weight(t, by, dims, share)
    if through and by.attrs["renormalise"]:
        weight = routing.share_of_kept(t, weight, kept)
    routing.fuse_dense(t, arrays, kept, weight, node.attrs["kind"], through)
