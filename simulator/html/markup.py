"""Elements of HTML and SVG. Text is escaped where an element is made, so that nothing gets into a page unescaped."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | float | None
VOID = frozenset({"meta", "rect", "line", "circle", "path", "br"})
"""Elements that hold nothing here."""


def element(tag: str, /, *content: Content, **attributes: Content) -> Markup:
    """An element; attributes that are None are left out, and `_` in their names stands for `-` (one at the end for none)."""
    known = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    said = "".join(f' {key}="{_number(value)}"' for key, value in known.items())
    if tag in VOID and not content:
        return Markup(f"<{tag}{said}/>")
    return Markup(f"<{tag}{said}>{joined(*content)}</{tag}>")


def joined(*content: Content) -> Markup:
    """Contents one behind the other."""
    return Markup("".join(one if isinstance(one, Markup) else _number(one) for one in content if one is not None))


def _number(value: Content) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value), quote=True)
