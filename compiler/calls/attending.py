"""What attention launches: the kernels of `attending.py`, `block_attending.py` and `own_pairs.py`."""

from __future__ import annotations

from .blocks import split_blocks
from .selecting import at_least_f32, isfinite
from .tape import Array, Number, Tape


def repeat_heads(t: Tape, x: Array, heads: Number) -> Array:
    """A copy, unless there are so many."""
    return x if x.shape[1] == heads else t.copy(x, op="repeat", like=x.at(1, heads))


def attention_logits(t: Tape, q: Array, k: Array) -> Array:
    return pairs_of(t, t.each("mul", q), repeat_heads(t, k, q.shape[1]))


def pairs_of(t: Tape, q: Array, k: Array) -> Array:
    """Products of all queries and keys, for each batch and head."""
    result = q.at(-1, k.shape[-2])
    t.product(q.shape[-2], k.shape[-2], q.shape[-1], q, k, result, batch=_batch(q))
    return result


def mixed(t: Tape, weight: Array, v: Array) -> Array:
    """Values by their weights."""
    result = weight.at(-1, v.shape[-1])
    t.product(weight.shape[-2], v.shape[-1], weight.shape[-1], weight, v, result, batch=_batch(weight))
    return result


def _batch(x: Array) -> Number:
    total: Number = 1
    for size in x.shape[:-2]:
        total *= size
    return total


def causal_mask(t: Tape, q: Array, k: Array, q_position: Array | None = None, k_position: Array | None = None) -> Array:
    if q_position is None:
        q_position = t.fill(q.shape[-2], dtype="i64", op="range")
        q_position = t.each("add", q_position) if k_position is None else q_position
    k_position = k_position or t.fill(k.shape[-2], dtype="i64", op="range")
    batch = max(q_position.shape[0] if q_position.rank > 1 else 1, k_position.shape[0] if k_position.rank > 1 else 1)
    return t.each("le", k_position, q_position, dtype="bool", like=Array((batch, 1, q.shape[-2], k.shape[-2])))


def finite_rows(t: Tape, x: Array) -> tuple[Array, Array]:
    bad = t.each("not", t.along("all", isfinite(t, x), keepdims=True))
    return t.each("where", x, bad), bad


def attention(
    t: Tape,
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    gate: Array | None = None,
    q_position: Array | None = None,
    k_position: Array | None = None,
    causal: bool = False,
    after: bool = False,
) -> Array:
    visible = causal_mask(t, q, k, q_position, k_position) if causal else None
    if after and mask is not None:
        return late_attention(t, q, k, v, mask, visible, gate)
    if mask is not None and visible is not None:
        mask = t.each("and", mask, visible)
        gate = None if gate is None else t.each("where", gate, visible)
    mask = visible if mask is None else mask
    if mask is None:
        return t.attend(q, repeat_heads(t, k, q.shape[1]), repeat_heads(t, v, q.shape[1]))
    return masked_attention(t, q, k, v, mask) if gate is None else gated_attention(t, q, k, v, mask, gate)


def masked_attention(t: Tape, q: Array, k: Array, v: Array, mask: Array) -> Array:
    (k, bad_k), (v, bad_v) = finite_rows(t, k), finite_rows(t, v)
    bad = repeat_heads(t, t.each("or", bad_k, bad_v), q.shape[1])
    empty = t.each("not", t.along("any", mask, keepdims=True))
    k, v = repeat_heads(t, k, q.shape[1]), repeat_heads(t, v, q.shape[1])
    value = t.attend(q, k, v, mask=t.each("or", mask, empty))
    return _spoiled(t, mask, bad, t.each("where", value, empty))


def _spoiled(t: Tape, mask: Array, bad: Array, value: Array) -> Array:
    """NaN where a kept key is not finite."""
    across = bad.of(*bad.shape[:-2], 1, bad.shape[-2])
    return t.each("where", value, t.along("any", t.each("and", mask, across), keepdims=True))


def causal_attention(t: Tape, q: Array, k: Array, v: Array) -> Array:
    (k, bad_k), (v, bad_v) = finite_rows(t, k), finite_rows(t, v)
    bad = repeat_heads(t, t.each("or", bad_k, bad_v), q.shape[1])
    value = t.attend(q, repeat_heads(t, k, q.shape[1]), repeat_heads(t, v, q.shape[1]), causal=True)
    seen = t.each("gt", t.rows("cumsum", bad, bad.shape[-2], dtype="i64"), dtype="bool")
    return t.each("where", value, seen)


def gated_attention(t: Tape, q: Array, k: Array, v: Array, mask: Array, gate: Array) -> Array:
    (k, bad_k), (v, bad_v) = finite_rows(t, k), finite_rows(t, v)
    bad = repeat_heads(t, t.each("or", bad_k, bad_v), q.shape[1])
    logits = at_least_f32(t, attention_logits(t, q, k))
    empty = t.each("not", t.along("any", mask, keepdims=True))
    highest = t.along("max", t.each("where", logits, t.each("or", mask, empty)), keepdims=True)
    each = t.each("exp", t.each("minimum", t.each("sub", logits, highest)))
    slope = t.each("mul", t.cast(t.each("sub", gate, gate), logits.dtype), each)
    each = t.each("add", t.each("where", each, mask), slope)
    total = t.each("where", t.along("sum", each, keepdims=True), empty)
    value = mixed(t, t.cast(t.each("div", each, total), v.dtype), repeat_heads(t, v, q.shape[1]))
    return _spoiled(t, mask, bad, value)


def late_attention(t: Tape, q: Array, k: Array, v: Array, mask: Array, visible: Array | None, gate: Array | None = None) -> Array:
    (k, bad_k), (v, bad_v) = finite_rows(t, k), finite_rows(t, v)
    across = [repeat_heads(t, bad, q.shape[1]) for bad in (bad_k, bad_v)]
    bad_k, bad_v = (bad.of(*bad.shape[:-2], 1, bad.shape[-2]) for bad in across)
    logits = at_least_f32(t, attention_logits(t, q, k))
    seen = t.fill(*logits.shape, dtype="bool", op="ones") if visible is None else visible.of(*logits.shape)
    empty = t.each("not", t.along("any", seen, keepdims=True))
    weight = t.each("where", logits, t.each("or", seen, empty))
    weight = t.rows("softmax", weight, weight.shape[-1])
    kept = t.each("where", weight, t.each("and", mask, seen))
    if gate is not None:
        slope = t.each("mul", t.cast(t.each("sub", gate, gate), weight.dtype), weight)
        kept = t.each("add", kept, t.each("where", slope, seen))
    value = mixed(t, t.cast(kept, v.dtype), repeat_heads(t, v, q.shape[1]))
    wrong = t.each("or", t.each("and", seen, bad_k), t.each("and", t.each("and", mask, seen), bad_v))
    return t.each("where", value, t.along("any", wrong, keepdims=True))


def rope(t: Tape, x: Array, position: Array | None = None) -> Array:
    half, wide = x.shape[-1] / 2, "f64" if x.dtype == "f64" else "f32"
    position = position or t.fill(x.shape[-2], dtype="i64", op="range")
    steps = t.fill(half, dtype=wide, op="range")
    for op in ("neg", "div", "pow"):
        steps = t.each(op, steps)
    angle = t.each("mul", t.cast(position, wide).of(*position.shape, 1), steps)
    cos, sin = (t.cast(t.each(op, angle), x.dtype) for op in ("cos", "sin"))
    part = x.at(-1, half)
    for op in ("sub", "add"):
        t.each(op, t.each("mul", part, cos, like=part), t.each("mul", part, sin, like=part))
    return t.copy(part, part, like=x)


def chosen_blocks(t: Tape, kept: Array, most: Number) -> Array:
    """`most`: how many the fullest row keeps."""
    t.each("maximum", t.along("max", t.along("sum", kept, dtype="i64")))
    t.nonzero(t.each("lt", t.fill(kept.shape[-1], dtype="i64", op="range"), dtype="bool"), most)
    order = t.sort(t.cast(kept, "i32"))
    return t.gather(order, most, -1)


def block_pairs(t: Tape, chosen: Array, kept: Array, sizes: tuple[Number, Number], causal: bool) -> Array:
    span = t.fill(sizes[1], dtype="i64", op="range")
    column = t.each("add", t.each("mul", chosen).of(*chosen.shape, 1), span)
    mine = t.fetch(chosen.typed("bool"), width=1)
    inside = t.each("lt", column, dtype="bool")
    seen = t.each("and", inside, mine.of(*mine.shape, 1))
    keys = chosen.shape[-1] * sizes[1]
    seen = seen.of(*chosen.shape[:-1], 1, keys)
    if not causal:
        return seen
    row = t.each("add", t.fill(chosen.shape[-2] * sizes[0], dtype="i64", op="range"))
    wide = seen.at(-2, sizes[0])
    below = t.each("le", column.of(*chosen.shape[:-1], 1, keys), row.of(chosen.shape[-2], sizes[0], 1), dtype="bool", like=wide)
    return t.each("and", below, seen)


def block_attention(
    t: Tape, q: Array, k: Array, v: Array, kept: Array, sizes: tuple[int, int], most: Number, causal: bool = False
) -> Array:
    """`most`: how many blocks the fullest row of any sample and head keeps (at least 1)."""
    batch, heads, length = q.shape[:3]
    (k, bad_k), (v, bad_v) = finite_rows(t, k), finite_rows(t, v)
    queries = split_blocks(t, q, -2, sizes[0])
    keys, values, bad = (split_blocks(t, x, -2, sizes[1]) for x in (k, v, t.each("or", bad_k, bad_v)))
    rows, columns = queries.shape[2], keys.shape[2]
    kept = kept.of(batch, heads, rows, columns)
    chosen = chosen_blocks(t, kept, most)
    own = t.each("add", t.each("mul", t.fill(batch, dtype="i64", op="range")).of(batch, 1), _floor(t, heads))
    t.each("add", t.each("mul", own), own, like=chosen)
    count = batch * heads * rows
    keys, values, bad = (
        t.gather(x.of(batch * x.shape[1] * columns, *x.shape[3:]), count * most).of(count, 1, most * sizes[1], x.shape[-1])
        for x in (keys, values, bad)
    )
    seen = block_pairs(t, chosen, kept, sizes, causal)
    seen = seen.of(count, 1, *seen.shape[-2:])
    empty = t.each("not", t.along("any", seen, keepdims=True))
    value = t.attend(queries.of(count, 1, sizes[0], q.shape[-1]), keys, values, mask=t.each("or", seen, empty))
    spoiled = t.along("any", t.each("and", seen, bad.of(count, 1, 1, bad.shape[-2])), keepdims=True)
    t.each("where", t.each("where", value, empty), spoiled)
    return q.at(-1, v.shape[-1])


def _floor(t: Tape, heads: Number) -> Array:
    return t.each("div", t.fill(heads, dtype="i64", op="range"))


def own_block_attention(
    t: Tape, q: Array, k: Array, v: Array, kept: Array, sizes: tuple[int, int], count: Number, causal: bool = False
) -> Array:
    """`count`: how many blocks are kept in all."""
    batch, heads, length, width = q.shape
    (k, bad_k), (v, bad_v) = finite_rows(t, k), finite_rows(t, v)
    bad = t.each("or", bad_k, bad_v)
    high, wide, rows = min(sizes[0], length), min(sizes[1], k.shape[2]), batch * heads * max(1, length / sizes[0])
    t.nonzero(kept.of(batch, heads, *kept.shape[-2:]), count)
    places = Array((count,), "i64")
    t.each("div", places)
    keys, values, lost = (t.fetch(x.of(count, wide, x.shape[-1])) for x in (k, v, bad))
    queries = t.fetch(q.of(count, high, width))
    for op in ("mul", "add") * 2 + (("mul", "add", "add", "mul", "add") if causal else ()):
        t.each(op, places, places)
    logits, spoiled = own_logits(t, queries, keys, lost, causal)
    joined(t, logits, values, spoiled, rows)
    return t.copy(q.at(-1, v.shape[-1]))


def own_logits(t: Tape, q: Array, k: Array, bad: Array, causal: bool) -> tuple[Array, Array]:
    logits = t.each("mul", at_least_f32(t, pairs_of(t, q, k)))
    seen = t.fill(*logits.shape, dtype="bool", op="ones")
    if causal:
        places = (x.of(*x.shape[:2], dtype="i64") for x in (q, k))
        row, column = (t.each("add", t.fill(at.shape[1], dtype="i64", op="range"), like=at) for at in places)
        seen = t.each("le", column.of(column.shape[0], 1, column.shape[1]), row.of(*row.shape, 1), dtype="bool")
    across = bad.of(bad.shape[0], 1, bad.shape[1])
    return t.each("where", logits, seen), t.along("any", t.each("and", seen, across))


def joined(t: Tape, logits: Array, values: Array, spoiled: Array, count: Number) -> Array:
    size = Array((count, logits.shape[1]), logits.dtype)
    t.fill(*size.shape, dtype=size.dtype)
    top = t.along("max", logits)
    highest = t.scatter(size, top, 0, add=True)
    t.each("where", highest, isfinite(t, highest))
    t.fill(*size.shape, dtype=size.dtype), t.fill(*size.shape, dtype=size.dtype)
    mixture = t.fill(*size.shape, values.shape[-1], dtype=values.dtype)
    each = t.each("exp", t.each("sub", logits, t.gather(highest, logits.shape[0]).of(*top.shape, 1)))
    total = t.scatter(size, t.along("sum", each), 0, add=True)
    t.scatter(mixture, mixed(t, t.cast(each, values.dtype), values), 0, add=True)
    wrong = t.scatter(size, t.cast(spoiled, size.dtype), 0, add=True)
    some = t.each("where", total, t.each("eq", total, dtype="bool"))
    value = t.each("div", mixture, t.cast(some, mixture.dtype).of(*some.shape, 1))
    return t.each("where", value, t.each("gt", wrong, dtype="bool").of(*wrong.shape, 1))
