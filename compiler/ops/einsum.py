"""Reading the equation of an `einsum`: its axes, the result's shape, its work, and which positions stay independent."""

from __future__ import annotations

from ..dims import Size, product
from ..ir import Attrs
from ..types import TensorType
from .checks import need_float, same_dtype, show
from .positions import Rows
from .table import ShapeError, Types

Labels = tuple[str, ...]


def labels(equation: str, types: Types) -> tuple[tuple[Labels, ...], Labels]:
    """The label of each axis of each operand, and of the result. The axes of `...` are `.1`, `.2` … counted from the right."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != len(types):
        message = f"`einsum` has {len(types)} values and the equation `{equation}`"
        raise ShapeError(message, hint='an equation has one term for each value and a result, as in "bi,oi->bo"')
    spread = 0
    operands = []
    for k, (term, type) in enumerate(zip(terms, types)):
        free = type.rank - len(term.replace("...", ""))
        if free < 0 or (free and "..." not in term):
            raise ShapeError(f"`{term}` names the axes of {show(type)}, which has {type.rank}", k)
        operands.append(_spread(equation, term, free))
        spread = max(spread, free)
    result = _spread(equation, right, spread)
    known = {label for operand in operands for label in operand}
    missing = [label for label in result if label not in known]
    if missing or len(set(result)) != len(result):
        what = f"`{missing[0]}`, which no value has" if missing else "an axis twice"
        raise ShapeError(f"the result of `{equation}` has {what}")
    return tuple(operands), result


def _spread(equation: str, term: str, free: int) -> Labels:
    before, dots, after = term.partition("...")
    if not all("a" <= c.lower() <= "z" for c in before + after):
        raise ShapeError(f"`{equation}` is no equation", hint='letters, commas, `...` and one `->`, as in "bi,oi->bo"')
    middle = tuple(f".{i}" for i in range(free, 0, -1)) if dots else ()
    return (*before, *middle, *after)


def _sizes(types: Types, attrs: Attrs) -> dict[str, Size]:
    """The size of each label; axes under `...` broadcast."""
    operands, _ = labels(attrs["equation"], types)
    found: dict[str, tuple[Size, int]] = {}
    for k, (names, type) in enumerate(zip(operands, types)):
        for name, size in zip(names, type.shape):
            known, where = found.get(name, (size, k))
            if known != size and not (name.startswith(".") and 1 in (known, size)):
                message = f"`{name}` of `{attrs['equation']}` is {known} in {show(types[where])} and {size} in {show(type)}"
                raise ShapeError(message, where, k)
            found[name] = (size, k) if known == 1 else (known, where)
    return {name: size for name, (size, _) in found.items()}


def infer_einsum(types: Types, attrs: Attrs) -> TensorType:
    if not types:
        raise ShapeError("`einsum` needs a value")
    need_float("einsum", types)
    same_dtype("einsum", types)
    sizes = _sizes(types, attrs)
    _, result = labels(attrs["equation"], types)
    return TensorType(types[0].dtype, tuple(sizes[name] for name in result))


def normalise_einsum(types: Types, attrs: Attrs) -> Attrs:
    return attrs.but(equation="".join(attrs["equation"].split()))


def einsum_macs(types: Types, attrs: Attrs) -> Size:
    """One multiply-add for each combination of all labels: what one nest of loops does. A single value costs none."""
    return product(_sizes(types, attrs).values()) if len(types) > 1 else 0


def einsum_rows(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """Leading labels of the result that lead each operand with positions, once, and stand in no shared operand."""
    operands, out = labels(attrs["equation"], types)

    def independent(place: int) -> bool:
        label = out[place]
        for have, names in zip(rows, operands):
            if have is None and label in names:
                return False
            if have is not None and (place >= have or names.index(label) != place if label in names else True):
                return False
            if have is not None and names.count(label) != 1:
                return False
        return True

    return next((place for place in range(len(out)) if not independent(place)), len(out))
