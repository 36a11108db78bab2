"""Predicted over measured times as a small SVG file: both as they are, and their ratio, where small errors show. All axes are
logarithmic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

SIDE, LEFT, TOP, BOTTOM, BETWEEN = 330, 62, 44, 44, 76
BAND = 1.2
"""Lines at so many times too long and too short."""

RATIOS = (0.5, 0.7, 1.0, 1.4, 2.0)
"""Labelled in the second panel, whose ends are the first and the last. What is beyond stands at its edge."""


def scatter(measured: Sequence[float], predicted: Sequence[float], title: str) -> str:
    """Both in seconds, all above 0. Points that fall on one another are drawn once."""
    low = floor(log10(min(*measured, *predicted)) * 2) / 2
    high = ceil(log10(max(*measured, *predicted)) * 2) / 2
    width, height = 2 * LEFT + 2 * SIDE + BETWEEN - 40, TOP + SIDE + BOTTOM
    second = LEFT + SIDE + BETWEEN
    ratios = [min(max(p / m, RATIOS[0]), RATIOS[-1]) for m, p in zip(measured, predicted)]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<g font-family="sans-serif" font-size="11" fill="#333">',
        f'<text x="{width / 2:.0f}" y="20" text-anchor="middle" font-size="14">{title}</text>',
        *times(LEFT, low, high, True),
        *times(second, low, high, False),
        *shares(second),
        *captions(LEFT, "measured", "predicted"),
        *captions(second, "measured", "predicted / measured"),
        "</g>",
        *(diagonal(low, high, factor) for factor in (1 / BAND, 1.0, BAND)),
        *(level(second, factor) for factor in (1 / BAND, 1.0, BAND)),
        dots([(at(LEFT, m, low, high), up(p, low, high)) for m, p in zip(measured, predicted)]),
        dots([(at(second, m, low, high), up(r, *ends())) for m, r in zip(measured, ratios)]),
        *(f'<rect x="{x}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#333"/>' for x in (LEFT, second)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def at(left: float, value: float, low: float, high: float) -> float:
    return left + SIDE * (log10(value) - low) / (high - low)


def up(value: float, low: float, high: float) -> float:
    return TOP + SIDE - SIDE * (log10(value) - low) / (high - low)


def ends() -> tuple[float, float]:
    """The powers of ten between which ratios are drawn."""
    return log10(RATIOS[0]), log10(RATIOS[-1])


def dots(places: Sequence[tuple[float, float]]) -> str:
    path = "".join(f"M{x} {y}h0" for x, y in sorted({(round(x), round(y)) for x, y in places}))
    return f'<path d="{path}" stroke="#0b62a4" stroke-opacity="0.45" stroke-width="3" stroke-linecap="round" fill="none"/>'


def times(left: float, low: float, high: float, both: bool) -> Iterator[str]:
    """A line and a label at each power of ten, on the first axis or on both."""
    for power in range(ceil(low), floor(high) + 1):
        x, y = at(left, 10.0**power, low, high), up(10.0**power, low, high)
        yield f'<path d="M{x:.1f} {TOP}v{SIDE}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{TOP + SIDE + 14}" text-anchor="middle">{label(power)}</text>'
        if both:
            yield f'<path d="M{left} {y:.1f}h{SIDE}" stroke="#ddd"/>'
            yield f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{label(power)}</text>'


def shares(left: float) -> Iterator[str]:
    """The labels of ratios."""
    for ratio in RATIOS:
        yield f'<text x="{left - 5}" y="{up(ratio, *ends()) + 4:.1f}" text-anchor="end">{ratio:g}</text>'


def captions(left: float, below: str, beside: str) -> Iterator[str]:
    middle = TOP + SIDE / 2
    yield f'<text x="{left + SIDE / 2:.0f}" y="{TOP + SIDE + 34}" text-anchor="middle">{below}</text>'
    yield f'<text transform="translate({left - 46} {middle:.0f}) rotate(-90)" text-anchor="middle">{beside}</text>'


def label(power: int) -> str:
    """Ten to a power, in seconds."""
    unit = min(max(power // 3, -3), 0)
    return f"{10 ** (power - 3 * unit)} {('s', 'ms', 'µs', 'ns')[-unit]}"


def diagonal(low: float, high: float, factor: float) -> str:
    """The line of predictions that are so many times what was measured, within the first panel."""
    least, most = 10.0**low, 10.0**high
    x, y = max(least, least / factor), max(least, least * factor)
    to_x, to_y = min(most, most / factor), min(most, most * factor)
    places = (at(LEFT, x, low, high), up(y, low, high), at(LEFT, to_x, low, high), up(to_y, low, high))
    return line("M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*places), factor)


def level(left: float, factor: float) -> str:
    """The same in the second panel."""
    return line(f"M{left} {up(factor, *ends()):.1f}h{SIDE}", factor)


def line(path: str, factor: float) -> str:
    return f'<path d="{path}" stroke="{"#c33" if factor == 1 else "#e8a0a0"}" fill="none"/>'
