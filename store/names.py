"""Names, versions and aliases of a store: keys of its tables. None is ever part of a file's path, and none looks like one that
leads away."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused

_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_+-])?"
_NAME = re.compile(rf"{_WORD}(?:/{_WORD})*")
_VERSION = re.compile(_WORD)
_DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST = 200


def is_digest(text: str) -> bool:
    """Whether a text is a sha256 in hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a text can name what is stored: words with `/` between."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Whether a text can be a version or an alias: one word."""
    return len(text) <= LONGEST and _VERSION.fullmatch(text) is not None


def checked_name(name: str) -> str:
    """The name, if it is one; else CC1402."""
    if not is_name(name):
        hint = "write words of letters, digits, `_`, `-`, `+` and inner `.`, with `/` between: `models/edges`"
        raise refused("CC1402", f"`{shown(name)}` is no name of a stored chunk{_why(name)}", shown(name), hint=hint)
    return name


def checked_version(version: str, what: str = "version") -> str:
    """The version or alias, if it is one; else CC1402."""
    if not is_version(version):
        hint = "write one word of letters, digits, `_`, `-`, `+` and inner `.`: `v1.2`"
        raise refused("CC1402", f"`{shown(version)}` is no {what}{_why(version)}", shown(version), hint=hint)
    return version


def name_and_version(text: str, what: str = "version") -> tuple[str, str]:
    """`models/edges@v1` taken apart; CC1402 where it is not of that form."""
    name, at, version = text.partition("@")
    if not at:
        hint = f"write `{shown(text) or 'name'}@v1`"
        raise refused("CC1402", f"`{shown(text)}` names no {what}", shown(text), label=f"`@` and a {what} are missing", hint=hint)
    return checked_name(name), checked_version(version, what)


def shown(text: str) -> str:
    """A text from outside, in one line of characters that can be printed."""
    plain = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:LONGEST])
    return plain + ("…" if len(text) > LONGEST else "")


def listed(start: str, names: Iterable[str]) -> str:
    """`there are a, b, …`, or nothing."""
    known = list(names)
    return f"{start} {', '.join(f'`{shown(name)}`' for name in known[:8])}{', …' if len(known) > 8 else ''}" if known else ""


def no_digest(text: str) -> CompileError:
    """CC1402: what should be a sha256 is none."""
    hint = "write `sha256:` and all 64 hexadecimal digits, in lower case; `chunkc store list` prints them"
    return refused("CC1402", f"`{shown(text)}` is no sha256", shown(text), hint=hint)


def _why(text: str) -> str:
    if "\0" in text:
        return ": it holds a NUL"
    if text.startswith(("/", "~")) or (len(text) > 1 and text[1] == ":"):
        return ": it is an absolute path"
    if any(part in ("..", ".") for part in re.split(r"[/\\]", text)):
        return ": it leads out of the store"
    return f": it has more than {LONGEST} characters" if len(text) > LONGEST else ""


def names_below(names: Iterable[str], part: str) -> list[str]:
    """Those that begin with `part` and a dot, sorted."""
    return list(among(sorted(names), part))


def among(ordered: Sequence[str], part: str) -> Sequence[str]:
    """The same of sorted names. An array asks a member at a time, so of many names few are looked at: in order they stand
    together, between `part.` and what would be `part/`."""
    return ordered[bisect_left(ordered, f"{part}.") : bisect_left(ordered, f"{part}/")]
