"""Products, convolutions, pooling and normalisation, with their weights as texts."""

from __future__ import annotations

from ....compiler.ir import Node
from .writing import Expression, Operands, Sizes, by_slot, call, one_or_tuple


def _linear(node: Node, operands: Operands, size: Sizes) -> str:
    return call("F.linear", *operands)


def _matmul(node: Node, operands: Operands, size: Sizes) -> str:
    a, b = operands
    return f"({a} @ {b})"


def _einsum(node: Node, operands: Operands, size: Sizes) -> str:
    return call("torch.einsum", f'"{node.attrs["equation"]}"', *operands)


def _embedding(node: Node, operands: Operands, size: Sizes) -> str:
    return call("F.embedding", *operands)


def _windows(node: Node, *names: str) -> dict[str, str | None]:
    """Window options that differ from PyTorch's defaults."""
    default = {"stride": 1, "padding": 0, "dilation": 1}
    return {name: None if set(node.attrs[name]) == {default[name]} else one_or_tuple(node.attrs[name]) for name in names}


def _conv(node: Node, operands: Operands, size: Sizes) -> str:
    options = _windows(node, "stride", "padding", "dilation")
    groups = None if node.attrs["groups"] == 1 else node.attrs["groups"]
    return call(f"F.{node.op}", *operands, **options, groups=groups)


def _pool(node: Node, operands: Operands, size: Sizes) -> str:
    kernel, stride = node.attrs["kernel"], node.attrs["stride"]
    options = {"stride": None if stride == kernel else one_or_tuple(stride), **_windows(node, "padding")}
    return call(f"F.{node.op}", operands[0], one_or_tuple(kernel), **options)


def _eps(node: Node, default: float) -> float | None:
    return None if node.attrs["eps"] == default else node.attrs["eps"]


def _row_norm(default: float | None) -> Expression:
    """`layer_norm` and `rms_norm`; a default of None always writes eps."""

    def write(node: Node, operands: Operands, size: Sizes) -> str:
        given = by_slot(node, operands)
        weight, bias = given.get("weight"), given.get("bias")
        eps = node.attrs["eps"] if default is None else _eps(node, default)
        return call(f"F.{node.op}", given["x"], f"({size(node.shape[-1])},)", weight=weight, bias=bias, eps=eps)

    return write


def _l2_norm(node: Node, operands: Operands, size: Sizes) -> str:
    return call("F.normalize", operands[0], dim=-1, eps=_eps(node, 1e-12))


def _group_norm(node: Node, operands: Operands, size: Sizes) -> str:
    given = by_slot(node, operands)
    groups = str(node.attrs["groups"])
    # `F.group_norm` looks at the number of samples in Python, which `torch.export` refuses where rows are gathered.
    return call("torch.group_norm", given["x"], groups, weight=given.get("weight"), bias=given.get("bias"), eps=_eps(node, 1e-5))


def _batch_norm(node: Node, operands: Operands, size: Sizes) -> str:
    x, *statistics = operands
    axis = node.attrs["axis"]
    second = axis + node.tensor.rank == 1
    text = call("F.batch_norm", x if second else f"{x}.movedim({axis}, 1)", *statistics, eps=_eps(node, 1e-5))
    return text if second else f"{text}.movedim(1, {axis})"


def _softmax(node: Node, operands: Operands, size: Sizes) -> str:
    return f"torch.softmax({operands[0]}, dim={node.attrs['axis']})"


EXPRESSIONS: dict[str, Expression] = {
    "linear": _linear,
    "matmul": _matmul,
    "einsum": _einsum,
    "embedding": _embedding,
    "conv1d": _conv,
    "conv2d": _conv,
    **dict.fromkeys(("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"), _pool),
    "layer_norm": _row_norm(1e-5),
    # PyTorch's default is the machine epsilon of the dtype.
    "rms_norm": _row_norm(None),
    "l2_norm": _l2_norm,
    "group_norm": _group_norm,
    "batch_norm": _batch_norm,
    "softmax": _softmax,
}
