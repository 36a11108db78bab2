"""What passes are told to expect, as text: sizes of run-time dimensions (`B=8,T=512`), kept shares by path (`live=0.3`)."""

from __future__ import annotations


def pairs(text: str) -> dict[str, str]:
    """`a=1,b=2` as a mapping; `ValueError` where it is none."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name or name in found:
            raise ValueError(f"`{part}` is no NAME=VALUE, or comes twice")
        found[name] = value
    return found


def sizes_of(text: str) -> dict[str, int]:
    """Sizes by dimension; `ValueError` where one is none."""
    found = pairs(text)
    for name, size in found.items():
        if not size.isdecimal() or not 0 < int(size) < 1 << 40:
            raise ValueError(f"`{name}={size}` is no size: a whole number above 0")
    return {name: int(size) for name, size in found.items()}


def shares_of(text: str) -> dict[str, float]:
    """Shares by path; `ValueError` where one is none."""
    found = {path: float(share) for path, share in pairs(text).items()}
    for path, share in found.items():
        if not 0 <= share <= 1:
            raise ValueError(f"`{path}={share}` is no share: a number from 0 to 1")
    return found
