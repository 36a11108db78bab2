"""What a chunk's execution needs (`requires`, PEP 508), looked at when it is first activated."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .runners import Foreign


def check(chunk: Foreign) -> None:
    """`Unloadable` with all that is missing, or there in another version, and the command that installs it."""
    found = {text: list(unmet(text)) for text in chunk.requires}
    wrong = [reason for reasons in found.values() for reason in reasons]
    if wrong:
        raise chunk.unloadable("CC1464", "; ".join(wrong), command([text for text, reasons in found.items() if reasons]))


def command(requirements: Sequence[str]) -> str:
    """What installs them, as a shell takes it."""
    return "pip install " + " ".join(shlex.quote(text) if set(text) & set('"$`\\') else f'"{text}"' for text in requirements)


def unmet(text: str) -> Iterator[str]:
    """What of a requirement is not met by the packages that are installed here: versions wanted and found."""
    try:
        needed = Requirement(text)
    except InvalidRequirement as error:
        yield f'`requires "{text}"` is no requirement of PEP 508: {str(error).splitlines()[0]}'
        return
    yield from _unmet(needed, "", set())


def _unmet(needed: Requirement, extra: str, seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """`extra`: for which extra of another package it is needed."""
    key = (canonicalize_name(needed.name), frozenset(needed.extras))
    if key in seen or not _applies(needed, extra):
        return
    seen.add(key)
    try:
        installed = metadata.distribution(needed.name)
    except metadata.PackageNotFoundError:
        yield f"it requires {_text(needed)}, and `{needed.name}` is not installed"
        return
    version = _version(installed)
    if version is None or not needed.specifier.contains(version, prereleases=True):
        what = f"{needed.name} {version}" if version else f"`{needed.name}`, which does not say its version,"
        yield f"it requires {_text(needed)}, and {what} is installed"
        return
    known = {canonicalize_name(name) for name in installed.metadata.get_all("Provides-Extra") or ()}
    for name in sorted(needed.extras):
        if canonicalize_name(name) not in known:
            yield f"it requires {_text(needed)}, and {needed.name} {version} has no extra `{name}`"
        for inner in _inner(installed):
            if not _applies(inner, ""):
                yield from _unmet(inner, name, seen)


def _version(installed: metadata.Distribution) -> Version | None:
    """None where it says none (a folder that an install left half done), or no number."""
    told = installed.metadata.get_all("Version") or [""]
    try:
        return Version(told[0])
    except InvalidVersion:
        return None


def _inner(installed: metadata.Distribution) -> Iterator[Requirement]:
    """What a package requires itself. What it wrote before PEP 508 was kept to says nothing."""
    for line in installed.requires or ():
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _applies(needed: Requirement, extra: str) -> bool:
    """Whether its marker holds here."""
    return needed.marker is None or needed.marker.evaluate({"extra": extra})


def _text(needed: Requirement) -> str:
    """The requirement without its marker, which holds."""
    return f"`{str(needed).partition(';')[0].strip()}`"
