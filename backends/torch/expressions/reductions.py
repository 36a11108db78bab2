"""Along axes: sums, means, extremes, running sums."""

from __future__ import annotations

from ....compiler.ir import Node
from .writing import LITERAL, Expression, Operands, Sizes, call, tuple_of


def _dim(axes: tuple[int, ...]) -> str:
    return str(axes[0]) if len(axes) == 1 else tuple_of([str(axis) for axis in axes])


def _reduced(function: str) -> Expression:
    def write(node: Node, operands: Operands, size: Sizes) -> str:
        keepdim = True if node.attrs["keepdims"] else None
        options = {"dim": _dim(node.attrs["axes"]), "keepdim": keepdim, "dtype": _narrow(node)}
        return call(function.format(operands[0]), *_self(function, operands), **options)

    return write


def _self(function: str, operands: Operands) -> tuple[str, ...]:
    """The operand of a function; a method has it in front."""
    return () if "{}" in function else operands


def _narrow(node: Node) -> str | None:
    """PyTorch sums 32-bit integers in 64 bits; the spec keeps the type."""
    return LITERAL["i32"] if node.op in ("sum", "cumsum") and node.tensor.dtype == "i32" else None


def _cumsum(node: Node, operands: Operands, size: Sizes) -> str:
    return call(f"{operands[0]}.cumsum", dim=node.attrs["axis"], dtype=_narrow(node))


def _argmax(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.argmax(dim={node.attrs['axis']})"


EXPRESSIONS: dict[str, Expression] = {
    "mean": _reduced("{}.mean"),
    "sum": _reduced("{}.sum"),
    "max": _reduced("{}.amax"),
    "min": _reduced("{}.amin"),
    "any": _reduced("{}.any"),
    "norm": _reduced("torch.linalg.vector_norm"),
    "argmax": _argmax,
    "cumsum": _cumsum,
}
