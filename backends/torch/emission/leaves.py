"""Which modules of `torch.nn` hold an op's parameters: `nn.Linear` for a `linear` with its own weight and bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....compiler.ir import Node
from ..expressions.writing import LITERAL, one_or_tuple


@dataclass(frozen=True, slots=True)
class Leaf:
    """The text that makes the module, and the names of its parameters."""

    text: str
    slots: tuple[str, ...]


def leaf_of(node: Node) -> Leaf | None:
    """The module that would hold a node's parameters, if they are parameters of one container with the names of its slots."""
    if node.op not in MAKERS:
        return None
    slots = node.attrs.get("slots", ("x", "weight"))
    given = dict(zip(slots, node.operands))
    owned = {name: given[name] for name in ("weight", "bias") if name in given}
    if "weight" not in owned or any(value.op != "param" or value.attrs["up"] for value in owned.values()):
        return None
    homes = {str(value.attrs["path"]).rpartition(".")[0] for value in owned.values()}
    named = all(str(value.attrs["path"]).rpartition(".")[2] == name for name, value in owned.items())
    text = MAKERS[node.op](node, "bias" in owned) if named and len(homes) == 1 and homes != {""} else ""
    return Leaf(_typed(text, owned["weight"].tensor.dtype), tuple(owned)) if text else None


def _typed(text: str, dtype: str) -> str:
    return text if dtype == "f32" else f"{text[:-1]}, dtype={LITERAL[dtype]})"


def _linear(node: Node, bias: bool) -> str:
    out, into = node.operands[1].shape
    return f"nn.Linear({into}, {out}{'' if bias else ', bias=False'})"


def _embedding(node: Node, bias: bool) -> str:
    table = next(operand for operand in node.operands if operand.op == "param")
    return f"nn.Embedding({table.shape[0]}, {table.shape[1]})"


def _conv(node: Node, bias: bool) -> str:
    out, into, *kernel = node.operands[1].shape
    groups = node.attrs["groups"]
    text = f"nn.Conv{len(kernel)}d({into * groups}, {out}, {one_or_tuple(kernel)}"
    for name, default in (("stride", 1), ("padding", 0), ("dilation", 1)):
        if set(node.attrs[name]) != {default}:
            text += f", {name}={one_or_tuple(node.attrs[name])}"
    return text + (f", groups={groups}" if groups != 1 else "") + ("" if bias else ", bias=False") + ")"


def _layer_norm(node: Node, bias: bool) -> str:
    eps = "" if node.attrs["eps"] == 1e-5 else f", eps={node.attrs['eps']}"
    return f"nn.LayerNorm({node.operands[1].shape[0]}{eps}{'' if bias else ', bias=False'})"


def _rms_norm(node: Node, bias: bool) -> str:
    return f"nn.RMSNorm({node.operands[1].shape[0]}, eps={node.attrs['eps']})"


# No `nn.GroupNorm`: it looks at the number of samples in Python, which `torch.export` refuses where rows are gathered.
MAKERS: dict[str, Callable[[Node, bool], str]] = {
    "linear": _linear,
    "embedding": _embedding,
    "conv1d": _conv,
    "conv2d": _conv,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
}
