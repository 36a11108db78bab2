"""Element by element: activations, arithmetic, comparisons, choices, draws and losses."""

from __future__ import annotations

from ....compiler.ir import Node
from .writing import LIKE, LITERAL, Expression, Operands, Sizes, by_slot, call, dtype, is_number, tensor


def _function(name: str) -> Expression:
    def write(node: Node, operands: Operands, size: Sizes) -> str:
        return call(name, *operands)

    return write


def _operator(symbol: str) -> Expression:
    def write(node: Node, operands: Operands, size: Sizes) -> str:
        a, b = operands
        return f"({a} {symbol} {b})"

    return write


def _bound(function: str, option: str) -> Expression:
    """`maximum` and `minimum`; against a number they are a clamp."""

    def write(node: Node, operands: Operands, size: Sizes) -> str:
        for place in (0, 1):
            if is_number(node.operands[place]) and not is_number(node.operands[1 - place]):
                return f"{operands[1 - place]}.clamp({option}={operands[place]})"
        return call(function, *(tensor(operand, text) for operand, text in zip(node.operands, operands)))

    return write


def _neg(node: Node, operands: Operands, size: Sizes) -> str:
    return f"(-{operands[0]})"


def _not(node: Node, operands: Operands, size: Sizes) -> str:
    return f"(~{operands[0]})"


def _stop_gradient(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.detach()"


def _cast(node: Node, operands: Operands, size: Sizes) -> str:
    """A low precision is raised to f32 itself; anything else becomes the module's own float."""
    wanted, source = node.attrs["dtype"], node.operands[0].tensor.dtype
    target = LITERAL["f32"] if wanted == "f32" and source in ("f64", "bf16", "f16") else dtype(wanted)
    return f"{operands[0]}.to({target})"


def _where(node: Node, operands: Operands, size: Sizes) -> str:
    condition, a, b = operands
    if is_number(node.operands[1]) and is_number(node.operands[2]):
        # Two Python numbers would give the default dtype.
        a = f"torch.tensor({a}, dtype={dtype(node.tensor.dtype)}, device={LIKE}.device)"
    return f"torch.where({tensor(node.operands[0], condition)}, {a}, {b})"


def _masked(node: Node, operands: Operands, size: Sizes) -> str:
    given = by_slot(node, operands)
    if "gate" in given:
        return f"masked({given['x']}, {given['kept']}, {given['gate']})"
    if node.tensor.dtype == "bool":
        return f"({given['x']} & {given['kept']})"
    return f"torch.where({given['kept']}, {given['x']}, {'0.0' if node.tensor.is_float else '0'})"


def _hash(node: Node, operands: Operands, size: Sizes) -> str:
    return call("hash_mod", operands[0], str(node.attrs["n"]), seed=node.attrs["seed"] or None)


def _uniform(node: Node, operands: Operands, size: Sizes) -> str:
    return f"ctx.uniform({operands[0]}, {node.attrs['path']!r})"


def _kl(node: Node, operands: Operands, size: Sizes) -> str:
    axis = node.attrs["axis"]
    return call("kl", *operands, axis=None if axis == -1 else axis)


FUNCTIONS = {
    "relu": "F.relu",
    "gelu": "F.gelu",
    "silu": "F.silu",
    **{name: f"torch.{name}" for name in ("tanh", "sigmoid", "exp", "log", "sqrt", "abs", "sign")},
    "bce": "bce",
}
OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "mod": "%",
    "pow": "**",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "and": "&",
    "or": "|",
}
EXPRESSIONS: dict[str, Expression] = {
    **{op: _function(name) for op, name in FUNCTIONS.items()},
    **{op: _operator(symbol) for op, symbol in OPERATORS.items()},
    "maximum": _bound("torch.maximum", "min"),
    "minimum": _bound("torch.minimum", "max"),
    "neg": _neg,
    "not": _not,
    "stop_gradient": _stop_gradient,
    "cast": _cast,
    "where": _where,
    "masked": _masked,
    "hash": _hash,
    "uniform": _uniform,
    "kl": _kl,
}
