"""Elements moved, joined, picked and made; blocks."""

from __future__ import annotations

from ....compiler.ir import Node
from .writing import LIKE, Expression, Operands, Sizes, at_axis, call, dtype, tuple_of


def _listed(sizes: tuple[object, ...], size: Sizes) -> list[str]:
    return [size(each) for each in sizes]  # type: ignore[arg-type]


def _reshape(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.reshape({tuple_of(_listed(node.attrs['shape'], size)) if node.attrs['shape'] else '()'})"


def _broadcast(node: Node, operands: Operands, size: Sizes) -> str:
    shape = _listed(node.attrs["shape"], size)
    return f"{operands[0]}.expand({tuple_of(shape) if shape else '()'})"


def _transpose(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.transpose({node.attrs['a']}, {node.attrs['b']})"


def _permute(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.permute({', '.join(str(axis + node.tensor.rank) for axis in node.attrs['order'])})"


def _method(name: str) -> Expression:
    """A method of one axis."""

    def write(node: Node, operands: Operands, size: Sizes) -> str:
        return f"{operands[0]}.{name}({node.attrs['axis']})"

    return write


def _unsqueeze(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.unsqueeze({node.attrs['axis']})"


def _repeat(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.repeat_interleave({node.attrs['n']}, dim={node.attrs['axis']})"


def _heads(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.unflatten(-1, ({node.attrs['n']}, -1)).transpose(-3, -2)"


def _merge_heads(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.transpose(-3, -2).flatten(-2)"


def _joined(function: str) -> Expression:
    def write(node: Node, operands: Operands, size: Sizes) -> str:
        return f"{function}({tuple_of(operands)}, dim={node.attrs['axis']})"

    return write


def _slice(node: Node, operands: Operands, size: Sizes) -> str:
    axis, start, stop, step = (node.attrs[name] for name in ("axis", "start", "stop", "step"))
    low = "" if start == 0 else size(start)
    high = "" if stop == node.operands[0].shape[axis] else size(stop)
    every = "" if step == 1 else f":{step}"
    return f"{operands[0]}[{at_axis(axis, f'{low}:{high}{every}')}]"


def _index(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}[{at_axis(node.attrs['axis'], str(node.attrs['index']))}]"


def _long(node: Node, text: str) -> str:
    return text if node.tensor.dtype == "i64" else f"{text}.long()"


def _gather(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}.gather({node.attrs['axis']}, {_long(node.operands[1], operands[1])})"


def _take(node: Node, operands: Operands, size: Sizes) -> str:
    return f"{operands[0]}[{at_axis(node.attrs['axis'], operands[1])}]"


def _one_hot(node: Node, operands: Operands, size: Sizes) -> str:
    return f"one_hot({operands[0]}, {node.attrs['n']}).to({dtype('f32')})"


def _filled(node: Node, operands: Operands, size: Sizes) -> str:
    shape = _listed(node.attrs["shape"], size)
    kind = None if node.attrs["dtype"] == "f32" else dtype(node.attrs["dtype"])
    return call(f"{LIKE}.new_{node.op}", tuple_of(shape) if shape else "()", dtype=kind)


def _range(node: Node, operands: Operands, size: Sizes) -> str:
    return f"count_up({size(node.attrs['n'])}, {LIKE})"


def _pairs(node: Node, operands: Operands, size: Sizes) -> str:
    return call("pairs", *operands)


def _blocks(node: Node, operands: Operands, size: Sizes) -> str:
    arguments = [str(node.attrs["axes"]), str(node.attrs["sizes"])]
    if node.op == "expand_blocks":
        arguments.append(tuple_of(_listed(node.attrs["shape"], size)))
    return call(node.op, operands[0], *arguments)


EXPRESSIONS: dict[str, Expression] = {
    "reshape": _reshape,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "permute": _permute,
    "flip": _method("flip"),
    "squeeze": _method("squeeze"),
    "unsqueeze": _unsqueeze,
    "repeat": _repeat,
    "heads": _heads,
    "merge_heads": _merge_heads,
    "concat": _joined("torch.cat"),
    "stack": _joined("torch.stack"),
    "slice": _slice,
    "index": _index,
    "gather": _gather,
    "take": _take,
    "one_hot": _one_hot,
    "ones": _filled,
    "zeros": _filled,
    "range": _range,
    "pairs": _pairs,
    **dict.fromkeys(("pool_blocks", "any_blocks", "expand_blocks"), _blocks),
}
