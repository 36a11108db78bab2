"""What a chunk's execution needs (`requires`, PEP 508), looked at when it is first activated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .runners import Foreign


def check(chunk: Foreign) -> None:
    """`Unloadable` with all that is missing, or there in another version, and the command that installs it."""
    found = {text: list(unmet(text)) for text in chunk.requires}
    wrong = [reason for reasons in found.values() for reason in reasons]
    if wrong:
        raise chunk.unloadable("CC1464", "; ".join(wrong), command([text for text, reasons in found.items() if reasons]))


def command(requirements: Sequence[str]) -> str:
    """What installs them."""
    return "pip install " + " ".join(f'"{text}"' for text in requirements)


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
    version = installed.version
    if not needed.specifier.contains(version, prereleases=True):
        yield f"it requires {_text(needed)}, and {needed.name} {version} is installed"
        return
    known = {canonicalize_name(name) for name in installed.metadata.get_all("Provides-Extra") or ()}
    for name in sorted(needed.extras):
        if canonicalize_name(name) not in known:
            yield f"it requires {_text(needed)}, and {needed.name} {version} has no extra `{name}`"
        for line in installed.requires or ():
            inner = Requirement(line)
            if not _applies(inner, ""):
                yield from _unmet(inner, name, seen)


def _applies(needed: Requirement, extra: str) -> bool:
    """Whether its marker holds here."""
    return needed.marker is None or needed.marker.evaluate({"extra": extra})


def _text(needed: Requirement) -> str:
    """The requirement without its marker, which holds."""
    return f"`{str(needed).partition(';')[0].strip()}`"
