"""A scatter plot of predicted over measured times as a small SVG file, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, TOP, SIDE = 420, 400, 62, 26, 330
BAND = 1.2
"""Lines at so many times too long and too short."""


def scatter(measured: Sequence[float], predicted: Sequence[float], title: str) -> str:
    """Both in seconds, all above 0. Points that fall on one another are drawn once."""
    low = floor(log10(min(*measured, *predicted)) * 2) / 2
    high = ceil(log10(max(*measured, *predicted)) * 2) / 2
    scale = SIDE / (high - low)

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + (log10(x) - low) * scale, TOP + SIDE - (log10(y) - low) * scale

    dots = sorted({tuple(round(one) for one in place(*pair)) for pair in zip(measured, predicted)})
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        '<g font-family="sans-serif" font-size="11" fill="#333">',
        f'<text x="{LEFT + SIDE / 2:.0f}" y="16" text-anchor="middle" font-size="13">{title}</text>',
        *ticks(low, high, scale),
        f'<text x="{LEFT + SIDE / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">measured</text>',
        f'<text transform="translate(13 {TOP + SIDE / 2:.0f}) rotate(-90)" text-anchor="middle">predicted</text>',
        "</g>",
        f'<clipPath id="in"><rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/></clipPath>',
        '<g clip-path="url(#in)">',
        *(diagonal(low, high, scale, factor) for factor in (1 / BAND, 1.0, BAND)),
        f'<path d="{"".join(f"M{x} {y}h0" for x, y in dots)}" stroke="#0b62a4" stroke-opacity="0.45" stroke-width="3" '
        'stroke-linecap="round" fill="none"/>',
        "</g>",
        f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#333"/>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def ticks(low: float, high: float, scale: float) -> Iterator[str]:
    """A line and a label at each power of ten, on both axes."""
    for power in range(ceil(low), floor(high) + 1):
        at = (power - low) * scale
        x, y = LEFT + at, TOP + SIDE - at
        yield f'<path d="M{x:.1f} {TOP}v{SIDE}M{LEFT} {y:.1f}h{SIDE}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{TOP + SIDE + 14}" text-anchor="middle">{label(power)}</text>'
        yield f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{label(power)}</text>'


def label(power: int) -> str:
    """Ten to a power, in seconds."""
    unit = min(max(power // 3, -3), 0)
    return f"{10 ** (power - 3 * unit)} {('s', 'ms', 'µs', 'ns')[-unit]}"


def diagonal(low: float, high: float, scale: float, factor: float) -> str:
    """The line of predictions that are so many times what was measured."""
    shift = log10(factor) * scale
    start, end = TOP + SIDE - shift, TOP + SIDE - (high - low) * scale - shift
    dash = "" if factor == 1 else ' stroke-dasharray="4 3"'
    return f'<path d="M{LEFT} {start:.1f}L{LEFT + (high - low) * scale:.1f} {end:.1f}" stroke="#c33"{dash}/>'
