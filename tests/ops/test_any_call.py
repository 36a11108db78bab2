"""Whatever is asked of the table, the answer is a type or a `ShapeError`; nothing hangs or allocates by size."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chunkc.compiler.dims import symbol
from chunkc.compiler.ir import Attrs
from chunkc.compiler.ops import OPS, Arg, ShapeError, implicit, infer, normalise
from chunkc.compiler.types import DTYPES, TensorType

B, T = symbol("B"), symbol("T")
SIZES = st.sampled_from([1, 2, 3, 4, 6, 8, 10**18, B, T, 2 * T, B * T, T - 1, 0])
NUMBERS = st.sampled_from([-(10**18), -2, -1, 0, 1, 2, 3, 4, 10**18])
TYPES = st.builds(
    TensorType, st.sampled_from(["f32", "f32", "f32", *DTYPES]), st.lists(SIZES, max_size=5).map(tuple) | st.just((B, T, 4))
)
AXES = st.integers(-5, 5)
EQUATIONS = st.sampled_from(
    ["bti,oi->bto", "ij,jk->ik", "...i,i->...", "ii->i", "", "->", "a,b", "ab->cc", "...->...", ",->"]
) | st.text("ab.,->1 ", max_size=9)
KINDS = {
    "int": NUMBERS,
    "float": st.floats(),
    "bool": st.booleans(),
    "string": EQUATIONS,
    "strings": st.lists(EQUATIONS, max_size=3).map(tuple),
    "dtype": st.sampled_from(DTYPES),
    "size": NUMBERS | SIZES,
    "sizes": st.lists(NUMBERS | SIZES, max_size=4).map(tuple),
    "axis": AXES,
    "axes": AXES | st.lists(AXES, max_size=3).map(tuple),
    "order": st.lists(AXES, max_size=4).map(tuple) | st.permutations([0, 1, 2]).map(tuple),
    "pair": NUMBERS | st.lists(NUMBERS, min_size=1, max_size=3).map(tuple),
    "param": st.booleans(),
}


def written(draw, args: tuple[Arg, ...]) -> dict[str, object]:
    """Attributes of the right kinds; those with a default now and then left out."""
    found = {}
    for arg in args:
        if arg.kind not in ("value", "values") and (arg.required or draw(st.booleans())):
            found[arg.name] = draw(KINDS[arg.kind])
    return found


@settings(max_examples=400)
@given(st.data())
def test_any_call_has_a_type_or_a_shape_error(data) -> None:
    op = OPS[data.draw(st.sampled_from(sorted(OPS)))]
    operands = [arg for arg in op.args if arg.kind in ("value", "param")]
    present = [arg for arg in operands if arg.required or data.draw(st.booleans())]
    count = data.draw(st.integers(0, 3)) if any(arg.kind == "values" for arg in op.args) else len(present)
    types = data.draw(st.lists(TYPES, min_size=count, max_size=count))
    if data.draw(st.booleans()):
        types = types[:1] * count
    attrs = written(data.draw, op.args)
    if op.slots:
        attrs["slots"] = tuple(arg.name for arg in present)
    try:
        core = normalise(op.name, types, Attrs(attrs))
        result = infer(op.name, types, core)
        made = implicit(op.name, types[:1], Attrs(attrs))
    except ShapeError as error:
        assert str(error) and all(0 <= k < len(types) for k in error.operands) or not types
        return
    assert normalise(op.name, types, core) == core
    assert all(size >= 0 for size in result.shape if isinstance(size, int))
    assert all(size >= 0 for one in made for size in one.shape)
    for rows in [[1] * len(types), [2, *[None] * len(types)][: len(types)]]:
        fitting = [None if row is None else min(row, type.rank) for row, type in zip(rows, types)]
        if types:
            assert 0 <= op.rows(fitting, types, core, result) <= result.rank
    op.cost(types, core, result)
