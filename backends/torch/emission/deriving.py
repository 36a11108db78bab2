"""Derived values as methods: what parameters alone decide, computed once per eval period (`backends.torch.derived`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....compiler.ir import Frame, Node
from .names import Names
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

