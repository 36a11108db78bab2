"""Reading a profile: strictly, with everything that is wrong underlined in the file; and whether it belongs to a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .diagnostics import CompileError, Diagnostic, Findings, Label, did_you_mean
from .ir import Graph
from .json_text import Json, JsonError, parse_json
from .profile import FORMAT, VERSION, Activity, KeptSet, Profile, fingerprint, selections_of, ways_of
from .source import NOWHERE, Source, Span

AGAIN = "record it again: chunkc profile MODEL.cc -o FILE"
MOST_WAYS = 2**20
"""Ways of one selection at most: what is more is taken for a damaged file."""


def read_profile(path: str | PathLike[str]) -> Profile:
    """The profile in a file. `CompileError` with all that is wrong with it."""
    try:
        return parse_profile(Source(str(path), Path(path).read_bytes().decode("utf-8")))
    except OSError as error:
        why = f"cannot be read: {(error.strerror or str(error)).lower()}"
    except UnicodeDecodeError as error:
        why = f"is no text: byte {error.start} is not UTF-8"
    place = Label(Span(Source(str(path), ""), 0, 0))
    raise CompileError([Diagnostic("CC0901", f"the profile `{path}` {why}", (place,), AGAIN)])


def parse_profile(source: Source) -> Profile:
    """The profile in a text; `CompileError` with all that is wrong with it."""
    findings = Findings()
    try:
        value = parse_json(source)
    except JsonError as error:
        findings.error("CC0901", f"the profile is no JSON: {error}", error.span, label="here", hint=AGAIN)
        raise CompileError(findings.items) from None
    profile = _Reading(findings).profile(value)
    findings.check()
    assert profile is not None
    return profile


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reports into `findings`; a field that is wrong reads as None, and nothing more is said of what stands on it."""

    findings: Findings

    def wrong(self, at: Json, message: str, label: str = "", hint: str = AGAIN) -> None:
        self.findings.error("CC0901", message, at.span, label=label or f"this is {at.kind}", hint=hint)

    def fields(self, at: Json, what: str, known: Sequence[str]) -> dict[str, Json] | None:
        """The entries of an object that has exactly these keys."""
        if not isinstance(at.value, dict):
            self.wrong(at, f"{what} is an object with the keys {', '.join(known)}")
            return None
        for name, value in at.value.items():
            if name not in known:
                self.wrong(value, f"{what} has no key `{name}`", "not known", did_you_mean(name, known) or AGAIN)
        missing = [name for name in known if name not in at.value]
        if missing:
            self.wrong(at, f"{what} lacks {', '.join(f'`{name}`' for name in missing)}", "in this object")
            return None
        return at.value

    def profile(self, at: Json) -> Profile | None:
        head = at.value if isinstance(at.value, dict) else {}
        if "format" not in head or head["format"].value != FORMAT:
            self.wrong(head.get("format", at), f'a profile begins with `"format": "{FORMAT}"`')
            return None
        if "version" not in head or head["version"].value != VERSION or head["version"].kind != "a whole number":
            self.wrong(head.get("version", at), f"this version of the tool reads profiles of version {VERSION}", "another one")
            return None
        known = ("format", "version", "model", "fingerprint", "calls", "dims", "selections")
        found = self.fields(at, "a profile", known)
        if found is None:
            return None
        calls = self.count(found["calls"], "`calls`")
        dims = self.each(found["dims"], "`dims`", self.sizes)
        selections = self.by_name(found["selections"], "`selections`", self.activity)
        texts = [self.text(found[name], f"`{name}`") for name in ("model", "fingerprint")]
        if calls is None or dims is None or selections is None or None in texts:
            return None
        return Profile(str(texts[0]), str(texts[1]), calls, tuple(dims), selections, found["fingerprint"].span)

    def sizes(self, at: Json) -> tuple[Mapping[str, int], int] | None:
        found = self.fields(at, "an entry of `dims`", ("sizes", "calls"))
        if found is None:
            return None
        sizes = self.by_name(found["sizes"], "`sizes`", lambda value: self.count(value, "a size"))
        calls = self.count(found["calls"], "`calls`")
        return None if sizes is None or calls is None else (sizes, calls)

    def activity(self, at: Json) -> Activity | None:
        found = self.fields(at, "a selection", ("ways", "decisions", "kept", "most", "sets", "repeats"))
        if found is None:
            return None
        ways = self.count(found["ways"], "`ways`", most=MOST_WAYS)
        decisions = self.count(found["decisions"], "`decisions`")
        if ways is None or decisions is None:
            return None
        kept = self.each(found["kept"], "`kept`", lambda one: self.count(one, "a count of `kept`", decisions), ways)
        most = self.each(found["most"], "`most`", self.share, ways)
        sets = self.each(found["sets"], "`sets`", lambda one: self.kept_set(one, ways, decisions))
        repeats = None if found["repeats"].value is None else self.count(found["repeats"], "`repeats`", decisions)
        if kept is None or most is None or sets is None:
            return None
        return Activity(ways, decisions, tuple(kept), tuple(most), tuple(sets), repeats)

    def kept_set(self, at: Json, ways: int, decisions: int) -> KeptSet | None:
        found = self.fields(at, "an entry of `sets`", ("ways", "decisions", "calls"))
        if found is None:
            return None
        members = self.each(found["ways"], "`ways`", lambda one: self.count(one, "a way", ways - 1))
        counts = self.count(found["decisions"], "`decisions`", decisions), self.count(found["calls"], "`calls`")
        if members is None or counts[0] is None or counts[1] is None:
            return None
        if any(a >= b for a, b in zip(members, members[1:])):
            self.wrong(found["ways"], "the ways of a set rise, and each stands once", "out of order")
        return KeptSet(tuple(members), counts[0], counts[1])

    # ---- values

    def count(self, at: Json, what: str, most: int = 2**63 - 1) -> int | None:
        if not isinstance(at.value, int) or isinstance(at.value, bool) or not 0 <= at.value <= most:
            limit = f" from 0 to {most}" if most < 2**63 - 1 else ", 0 or more"
            self.wrong(at, f"{what} is a whole number{limit}", f"this is {at.span.text[:40]}")
            return None
        return at.value

    def share(self, at: Json) -> float | None:
        if not isinstance(at.value, (int, float)) or isinstance(at.value, bool) or not 0 <= at.value <= 1:
            self.wrong(at, "a share of `most` is a number from 0 to 1", f"this is {at.span.text[:40]}")
            return None
        return float(at.value)

    def text(self, at: Json, what: str) -> str | None:
        if not isinstance(at.value, str):
            self.wrong(at, f"{what} is a string")
            return None
        return at.value

    def each(self, at: Json, what: str, read: Callable[[Json], Any], length: int | None = None) -> list[Any] | None:
        """The entries of a list, of this length; None if one is wrong."""
        if not isinstance(at.value, list):
            self.wrong(at, f"{what} is a list")
            return None
        if length is not None and len(at.value) != length:
            self.wrong(at, f"{what} has an entry for each of the {length} ways", f"{len(at.value)} entries")
            return None
        found = [read(item) for item in at.value]
        return None if None in found else found

    def by_name(self, at: Json, what: str, read: Callable[[Json], Any]) -> Mapping[str, Any] | None:
        """The entries of an object; None if one is wrong."""
        if not isinstance(at.value, dict):
            self.wrong(at, f"{what} is an object")
            return None
        found = {name: read(value) for name, value in at.value.items()}
        return None if None in found.values() else MappingProxyType(found)


def check_belongs(profile: Profile, graph: Graph) -> None:
    """`CompileError` where a profile was recorded of another model than the graph's, or of one with other ways."""
    findings = Findings()
    hint = "record a profile of this model: chunkc profile MODEL.cc -o FILE"
    place = Label(graph.span, "this model") if graph.span.source.text else None
    also = [place] if place else []
    if profile.fingerprint != fingerprint(graph):
        other = f" `{profile.model}`" if profile.model != graph.name else ""
        what = f"another model{other}" if other else f"`{graph.name}` with other parameters (sizes, or numbers of chunks)"
        message = f"the profile was recorded of {what}"
        findings.error("CC0902", message, profile.origin, label="its fingerprint", also=also, hint=hint)
    for path, select in selections_of(graph).items() if not findings.errors else ():
        ways, seen = ways_of(select), profile.selections.get(path)
        if seen is not None and seen.ways != ways:
            message = f"the selection `{path}` has {ways or 'a number of'} ways, and {seen.ways} in the profile"
            where = select.span if select.span is not NOWHERE else profile.origin
            findings.error("CC0902", message, where, label="decided here", hint=hint)
    findings.check()
