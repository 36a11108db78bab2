"""Numbers and findings in words, for tables and pages."""

from __future__ import annotations

from .target_listing import written

ALIKE = 0.01
"""Times that differ by less than this share are alike."""


def seconds(value: float) -> str:
    """To three digits."""
    return written(value, "s", 3)


def amount(value: float, unit: str) -> str:
    """To three digits."""
    return written(value, unit, 3)


def share(part: float, whole: float) -> str:
    """In percent."""
    return f"{part / whole:.1%}" if whole else "-"


def pays(ratio: float) -> str:
    """`yes`, `no`, or `alike`, where computing everything takes `ratio` times as long as computing what is kept."""
    return "alike" if abs(ratio - 1) < ALIKE else "yes" if ratio > 1 else "no"


def faster(ratio: float) -> str:
    """How many times as fast as computing everything."""
    return f"{ratio:.3g} times as fast" if ratio >= 1 else f"{1 / ratio:.3g} times as slow"
