"""Splits: which tensors of a checkpoint are a chunk together, by patterns over their dotted names.

    layers.{layer}                      one chunk a layer: what begins with `layers.0.`, `layers.1.`, …
    layers.{layer}.experts.{expert}     one chunk an expert of each layer
    encoder, decoder                    one chunk each
    auto                                wherever names have a number: the beginning up to the last one

A word in braces stands for one component, whatever it is. Of several patterns, with commas between, the longest that fits is
taken. What fits none lies in the part `""`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..compiler.diagnostics import CompileError, did_you_mean
from ..compiler.loading.handles import refused

AUTO = "auto"
HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""A component that is any word."""
PLAIN = re.compile(r"[^{}\s,.]+")


@dataclass(frozen=True, slots=True)
class Split:
    """What tells parts apart. `patterns`: components, None where any is meant; longest first. None of them: one part; `auto`: by
    numbers."""

    text: str
    patterns: tuple[tuple[str | None, ...], ...] = ()
    auto: bool = False

    def part(self, name: str) -> str:
        """The part that a tensor of this name lies in: the beginning of the name, or `""`."""
        pieces = name.split(".")
        for pattern in self.patterns:
            if len(pieces) > len(pattern) and all(want in (None, piece) for want, piece in zip(pattern, pieces)):
                return ".".join(pieces[: len(pattern)])
        if self.auto:
            last = max((i for i, piece in enumerate(pieces[:-1]) if piece.isdecimal()), default=-1)
            return ".".join(pieces[: last + 1])
        return ""

    def parts(self, names: Iterable[str]) -> dict[str, list[str]]:
        """The tensors of each part. CC1437 where a pattern fits none of them."""
        all_ = list(names)
        found: dict[str, list[str]] = {}
        for name in all_:
            found.setdefault(self.part(name), []).append(name)
        for pattern in self.patterns:
            if not any(_fits(pattern, part) for part in found if part):
                raise self._unused(pattern, all_)
        if self.auto and not any(found_part for found_part in found):
            hint = "leave `--split` out, or write a pattern of names: `encoder, decoder`"
            raise refused("CC1437", "no tensor has a number in its name", self.text, hint=hint, what="split")
        return found

    def _unused(self, pattern: Sequence[str | None], names: Sequence[str]) -> CompileError:
        shown = ".".join(piece or "{…}" for piece in pattern)
        hint = nearest(".".join(piece or "{i}" for piece in pattern), names)
        return refused("CC1437", f"the pattern `{shown}` fits no tensor", self.text, hint=hint, what="split")


def _fits(pattern: Sequence[str | None], part: str) -> bool:
    pieces = part.split(".")
    return len(pieces) == len(pattern) and all(want in (None, piece) for want, piece in zip(pattern, pieces))


def nearest(written: str, names: Iterable[str]) -> str:
    """What may have been meant by the beginning of a name: a hint."""
    shapes = dict.fromkeys(shape for name in names for shape in _shapes(name))
    listed = ", ".join(f"`{shape}`" for shape in list(shapes)[:6]) + (", …" if len(shapes) > 6 else "")
    return did_you_mean(written, shapes, 0.5) or (f"they begin with {listed}" if shapes else "their names have no dots")


def _shapes(name: str) -> list[str]:
    """The patterns that a tensor's name fits: its beginnings, numbers as `{i}`."""
    pieces = ["{i}" if piece.isdecimal() else piece for piece in name.split(".")]
    return [".".join(pieces[:count]) for count in range(1, len(pieces))]


def parse_split(text: str) -> Split:
    """The split that a text says; `""`: one part. CC1437 where it cannot be read."""
    if not text.strip():
        return Split(text)
    if text.strip() == AUTO:
        return Split(text, auto=True)
    patterns = {_pattern(text, one.strip()): None for one in text.split(",")}
    return Split(text, tuple(sorted(patterns, key=lambda pattern: -len(pattern))))


def _pattern(text: str, one: str) -> tuple[str | None, ...]:
    words: list[str] = []
    found: list[str | None] = []
    for piece in one.split("."):
        hole = HOLE.fullmatch(piece)
        if not (hole or PLAIN.fullmatch(piece)):
            hint = "write dotted names, and words in braces for what differs: `layers.{layer}`"
            raise refused("CC1437", f"`{one}` is no pattern of names", text, hint=hint, what="split")
        if hole and hole[1] in words:
            hint = f"it may be another at each place: write another word, `{{{hole[1]}2}}`"
            raise refused("CC1437", f"`{{{hole[1]}}}` stands twice in one pattern", text, hint=hint, what="split")
        words += [hole[1]] if hole else []
        found.append(None if hole else piece)
    return tuple(found)
