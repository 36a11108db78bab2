"""Derived values as methods: what parameters alone decide, computed once per eval period (`backends.torch.derived`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....compiler.ir import Frame, Node
from ..expressions.fusion import convolution_options
from ..expressions.writing import call
from .names import Names, identifier
from .text import bare_call, wrap

if TYPE_CHECKING:
    from .body import Body
    from .classes import Shop


@dataclass(frozen=True, slots=True)
class Derivation:
    """A method that makes a derived value: its name, the parameters that it is given, and whether it decides something."""

    name: str
    sources: tuple[tuple[int, str], ...]
    decides: bool


def derived_call(body: Body, node: Node) -> str:
    """The text that reads a hoisted part's value. The method is given all parameters that it reads: by these it is known
    whether the value still stands."""
    made = _derivation(body.shop, body.frame, node)
    given = [body.reach(up, path) for up, path in made.sources]
    return bare_call(f"self.{made.name}", [*([body.ctx] if made.decides else []), *given])


def _derivation(shop: Shop, frame: Frame, node: Node) -> Derivation:
    """Writes the method, or finds the one with the same text."""
    from .body import Body

    block, key, names = shop.plan.of(node.attrs["body"]), shop.layout.keys[frame.prefix], Names()
    body = Body(shop, block, frame, {}, names, "ctx", set())
    body.sealed = True
    body.write()
    result = shop.returned(body)
    decisions = tuple(dict.fromkeys(body.decisions))
    arguments = ["self", *(["ctx"] if decisions else []), *body.captures.values()]
    lines = [f"@derived({', '.join(map(repr, decisions))})".replace("'", '"'), f"({', '.join(arguments)}):"]
    lines += [f"    {line}" for text in (*body.first_lines, *body.lines, f"return {result}") for line in wrap(text)]
    name = shop.written(key, f"derived_{node.name or 'value'}", lines)
    return Derivation(name, tuple(body.captures), bool(decisions))


# ---- masks that are the same in every call


def static_call(body: Body, node: Node) -> str:
    """The text of a product under a mask of whole rows that is hoisted: of the rows that it keeps, taken out once; else ""."""
    product, kept = node.operands if node.op == "masked" else (node, node)
    source = kept.operands[0] if kept.op == "field" else kept
    heads = product if product.op == "heads" else None
    product = product.operands[0] if heads is not None else product
    if source.attrs.get("word") != "hoisted" or product.op not in KERNELS_OF or body.sealed:
        return ""
    x, weight, *bias = product.operands
    axis = -3 if heads is not None else {"linear": -1, "conv1d": -2, "conv2d": -3}[product.op]
    alike = kept.tensor.rank >= -axis and all(size == 1 for i, size in enumerate(kept.shape, -kept.tensor.rank) if i != axis)
    if not alike or any(one.op != "param" for one in (weight, *bias)):
        return ""
    # One method for each weight and selection: a method keeps one value.
    decided = [one.attrs["path"] for one in source.attrs["body"].nodes if one.op == "select"]
    label = identifier("_".join(["derived", *map(str, decided), str(weight.attrs["path"])]))
    names = ["kept", "weight", *(["bias"] if bias else [])]
    lines = ["@derived()", f"(self, {', '.join(names)}):", f"    return packed_rows({', '.join(names)}, axis={axis})"]
    name = body.shop.written(body.shop.layout.keys[body.frame.prefix], label, lines)
    packed = bare_call(f"self.{name}", [body.text(one) for one in (kept, weight, *bias)])
    size = str(weight.shape[0])
    if heads is not None:
        return call("packed_heads", body.text(x), packed, size, str(heads.attrs["n"]))
    return call(KERNELS_OF[product.op], body.text(x), packed, size, **convolution_options(product))


KERNELS_OF = {"linear": "packed_linear", "conv1d": "packed_conv1d", "conv2d": "packed_conv2d"}
