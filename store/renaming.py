"""Renames tensors on their way into a store: those of a checkpoint are called as its authors liked, those of a spec by paths.

    h.{i}.mlp.c_fc = layers.{i}.linear_1         words in braces stand for one component, and are the same on both sides
    self_attn.q_proj = attention.linear_1        wherever these components stand in a name, one behind the other
    model =                                      left out
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused
from .names import shown
from .splitting import HOLE, PLAIN, nearest

Renames = Mapping[str, str]
"""Old beginnings, middles or ends of names, and what stands there instead; in order."""


@dataclass(frozen=True, slots=True)
class _Rename:
    text: str
    old: str
    pattern: re.Pattern[str]
    new: tuple[str, ...]

    def of(self, name: str) -> str:
        now, count = self.pattern.subn(self._replaced, name)
        return now.removesuffix(".") if count else name

    def _replaced(self, found: re.Match[str]) -> str:
        pieces = [found[hole[1]] if (hole := HOLE.fullmatch(piece)) else piece for piece in self.new]
        return ".".join(pieces) + "." if pieces else ""


def renamed(names: Iterable[str], renames: Renames) -> dict[str, str]:
    """By the old name of each tensor, its new one. CC1437 where a renaming cannot be read or meets no name, CC1436 where two
    tensors would have one name."""
    found = {name: name for name in names}
    for old, new in renames.items():
        one = _read(old.strip(), new.strip())
        after = {name: one.of(now) for name, now in found.items()}
        if after == found:
            hint = nearest(HOLE.sub("{i}", one.old), found.values())
            raise refused("CC1437", f"no tensor has `{one.old}` in its name", one.text, hint=hint, what="rename")
        found = after
    homes: dict[str, str] = {}
    for name, now in found.items():
        if not now or now in homes:
            both = f"`{shown(name)}` and `{shown(homes.get(now, ''))}` would both be `{shown(now)}`"
            text = "; ".join(f"{old}={new}" for old, new in renames.items())
            message = both if now else f"no name is left of `{shown(name)}`"
            raise refused("CC1436", message, text, hint="give each tensor a name of its own", what="rename")
        homes[now] = name
    return found


def _read(old: str, new: str) -> _Rename:
    text = f"{old}={new}"
    words: list[str] = []
    for piece in [*old.split("."), *(new.split(".") if new else [])]:
        if not (HOLE.fullmatch(piece) or PLAIN.fullmatch(piece)):
            raise _wrong(text, f"`{piece or '.'}` is no component of a name")
    parts = []
    for piece in old.split("."):
        hole = HOLE.fullmatch(piece)
        if hole and hole[1] in words:
            raise _wrong(text, f"`{piece}` stands twice on the left")
        words += [hole[1]] if hole else []
        parts.append(f"(?P<{hole[1]}>[^.]+)" if hole else re.escape(piece))
    for piece in new.split("."):
        if (hole := HOLE.fullmatch(piece)) and hole[1] not in words:
            raise _wrong(text, f"`{piece}` stands on the right alone")
    # A dot is taken along at the end, so that nothing is left of what is left out.
    pattern = re.compile(rf"(?:(?<=\.)|^){'[.]'.join(parts)}(?:\.|$)")
    return _Rename(text, old, pattern, tuple(new.split(".")) if new else ())


def _wrong(text: str, why: str) -> CompileError:
    hint = "write OLD=NEW with dotted names, as in `h.{i}.mlp=layers.{i}`"
    return refused("CC1437", f"this renames nothing: {why}", text, hint=hint, what="rename")
