"""Attention over projected heads, its logits, and rotary positions."""

from __future__ import annotations

from .. import dims
from ..dims import product
from ..ir import Attrs
from ..types import TensorType
from .checks import at_least, need_bool, need_broadcast, need_float, need_integer, need_rank, place, same_dtype, show, slot
from .positions import Rows, first_wide
from .table import Arg, Op, ShapeError, Types, Work, traffic

HINT = "project and split with `linear(d) |> heads(n)` first"


def _check_heads(op: str, types: Types) -> None:
    """Queries [B, h, T, e] and keys [B, g, S, e], where g divides h."""
    need_float(op, types, 0, 1)
    same_dtype(op, types, 0, 1)
    need_rank(op, types, 0, 4, form="queries [B, heads, T, e]", hint=HINT)
    need_rank(op, types, 1, 4, form="keys [B, heads, S, e]", hint=HINT)
    q, k = types[0], types[1]
    if q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        message = f"`{op}` needs keys [{q.shape[0]}, heads, S, {q.shape[3]}] for queries {show(q)}, not {show(k)}"
        raise ShapeError(message, 0, 1)
    if dims.divide(q.shape[1], k.shape[1]) is None:
        message = f"the {k.shape[1]} key heads of {show(k)} do not divide the {q.shape[1]} heads of {show(q)}"
        raise ShapeError(message, 0, 1, hint="key heads repeat: their number divides that of the queries")


def _infer_attention(types: Types, attrs: Attrs) -> TensorType:
    _check_heads("attention", types)
    q, k, v = types[0], types[1], types[2]
    need_rank("attention", types, 2, 4, form="values [B, heads, S, e]", hint=HINT)
    same_dtype("attention", types, 0, 2)
    if v.shape[:3] != k.shape[:3]:
        raise ShapeError(f"`attention` needs a value for each key, not keys {show(k)} and values {show(v)}", 1, 2)
    pairs = (*q.shape[:3], k.shape[2])
    if slot(types, attrs, "mask") is not None:
        need_bool("attention", types, place(attrs, "mask"))
        need_broadcast("attention", "mask", types, place(attrs, "mask"), pairs)
    if slot(types, attrs, "gate") is not None:
        need_float("attention", types, place(attrs, "gate"))
        need_broadcast("attention", "gate", types, place(attrs, "gate"), pairs)
    for name, length in (("q_position", pairs[2]), ("k_position", pairs[3])):
        if slot(types, attrs, name) is not None:
            need_integer("attention", types, place(attrs, name))
            need_broadcast("attention", "position", types, place(attrs, name), (pairs[0], length))
    return q.with_shape(*q.shape[:3], v.shape[3])


def _rows_attention(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """Samples; and heads where each has its own keys. All of q, k and v have the positions, or none may."""
    main = rows[:3]
    if any(row is None for row in main):
        return 0
    heads = 2 if types[0].shape[1] == types[1].shape[1] else 1
    limit = min(heads, *(row for row in main if row is not None))
    for name, have, type in zip(attrs["slots"][3:], rows[3:], types[3:]):
        rank = 2 if name.endswith("position") else 4
        own = first_wide(type, rank) if have is None else have if type.rank == rank else 0
        limit = min(limit, 1 if own and rank == 2 else own)
    return limit


def _work_attention(types: Types, attrs: Attrs, result: TensorType) -> Work:
    pairs = product(result.shape[:3]) * types[1].shape[2]
    return Work(pairs * (types[0].shape[3] + result.shape[3]), traffic(types, result))


def _infer_logits(types: Types, attrs: Attrs) -> TensorType:
    _check_heads("attention_logits", types)
    return types[0].with_shape(*types[0].shape[:3], types[1].shape[2])


def _rows_logits(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    if rows[0] is None or rows[1] is None:
        return 0
    return min(2 if types[0].shape[1] == types[1].shape[1] else 1, rows[0], rows[1])


def _work_logits(types: Types, attrs: Attrs, result: TensorType) -> Work:
    return Work(product(result.shape) * types[0].shape[3], traffic(types, result))


def _infer_rope(types: Types, attrs: Attrs) -> TensorType:
    x = types[0]
    need_float("rope", types, 0)
    at_least("rope", types, 0, 2, "a value [..., T, e]")
    if dims.divide(x.shape[-1], 2) is None:
        raise ShapeError(f"`rope` turns pairs of numbers: the last size of {show(x)} must be even", 0)
    if slot(types, attrs, "position") is not None:
        need_integer("rope", types, 1)
        need_broadcast("rope", "position", types, 1, (x.shape[0], x.shape[-2]) if x.rank > 2 else (x.shape[-2],))
    return x


def _rows_rope(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """The axes before T; T too where each row brings its own position."""
    if rows[0] is None:
        return 0
    own = min(rows[0], result.rank - 2)
    if len(rows) == 1:
        return own
    position = rows[1]
    if position is None:
        return own if types[1].rank < 2 or types[1].shape[0] == 1 else 0
    if types[1].rank == result.rank - 1 == 2:
        return min(rows[0], position, 2)
    return min(own, position, 1)


QKV = tuple(Arg(name, "value", required=True) for name in ("q", "k", "v"))

OPS = (
    Op(
        "attention",
        (
            *QKV,
            Arg("mask", "value"),
            Arg("gate", "value", form="core"),
            Arg("q_position", "value", form="core"),
            Arg("k_position", "value", form="core"),
            Arg("causal", "bool", False),
            Arg("after", "bool", False, form="core"),
            Arg("scale", "float"),
        ),
        _infer_attention,
        "`softmax(scale · q kᵀ) v` over the visible keys (Vaswani et al., 2017), `scale` 1/sqrt(e); fewer key heads repeat "
        "(Ainslie et al., 2023). Absent pairs are removed before the softmax, or (`after`) multiplied by 0 after it; "
        "a row with no pair is 0. `mask=` takes a mask, a bool value, `causal`, or a list of them.",
        work=_work_attention,
        rows=_rows_attention,
    ),
    Op(
        "attention_logits",
        (*QKV[:2], Arg("scale", "float")),
        _infer_logits,
        "`scale · q kᵀ` of [B, heads, T, e] and [B, heads, S, e], `scale` 1/sqrt(e); fewer key heads repeat.",
        work=_work_logits,
        rows=_rows_logits,
        zero_preserving=True,
    ),
    Op(
        "rope",
        (Arg("x", "value", required=True), Arg("position", "value"), Arg("base", "float", 10000.0)),
        _infer_rope,
        "Rotary position embedding of [..., T, e] (Su et al., 2021) in halves, as in Llama: "
        "the pair (i, i + e/2) turns by position · base^(-2i/e).",
        rows=_rows_rope,
        zero_preserving=True,
    ),
)
