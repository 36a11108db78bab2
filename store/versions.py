"""Which version is meant: a name with a version, an alias, a pin or nothing, against the tables of a store."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from ..compiler.diagnostics import CompileError, Diagnostic, Label, did_you_mean
from ..compiler.loading.handles import refused
from .names import is_digest, listed, no_digest, shown
from .tables import Table


def find(index: Table, aliases: Callable[[], Table], name: str, wanted: str) -> tuple[str, str]:
    """The version that is meant, and the sha256 of its manifest. `wanted`: a version, an alias, `sha256:…`, `""` (the only one).

    `aliases` are read only where one may be meant: what is said by its version is served whatever becomes of them.

    CC1406 where there is none of that name, CC1410 where aliases go round, CC1411 where one stands for nothing."""
    versions = of(index, name)
    if not wanted:
        version = _only(name, versions, aliases)
    elif wanted.startswith("sha256:"):
        version = _pinned(name, versions, wanted)
    else:
        version = wanted if wanted in versions else follow(versions, aliases(), name, wanted)[-1]
    return version, versions[version].removeprefix("sha256:")


def of(index: Table, name: str) -> Mapping[str, str]:
    """The manifest of each version of a name; CC1406 where there are none."""
    if not index.rows.get(name):
        hint = did_you_mean(name, index.rows) or listed("there are", index.rows) or "nothing is stored: `chunkc store add`"
        raise refused("CC1406", f"nothing is stored as `{shown(name)}`", shown(name), hint=hint)
    return index.rows[name]


def follow(versions: Mapping[str, str], aliases: Table, name: str, wanted: str) -> list[str]:
    """From an alias to the version that it stands for: all that it passes, the version last."""
    found = chain(versions, aliases.rows.get(name, {}), wanted)
    if found[-1] in versions:
        return found
    raise _loop(aliases, name, found) if found[-1] in found[:-1] else _nothing(versions, aliases, name, found)


def chain(versions: Container[str], own: Mapping[str, str], wanted: str) -> list[str]:
    """What `wanted` stands for, step by step: to a version, to what is neither, or to the first that comes again."""
    found = [wanted]
    while found[-1] not in versions and found[-1] in own and found[-1] not in found[:-1]:
        found.append(own[found[-1]])
    return found


def _only(name: str, versions: Mapping[str, str], aliases: Callable[[], Table]) -> str:
    if len(versions) > 1:
        hint = f"write one of {_named(name, [*aliases().rows.get(name, {}), *versions])}"
        message = f"`{name}` has {len(versions)} versions, and none is said"
        raise refused("CC1406", message, name, hint=hint)
    return next(iter(versions))


def _pinned(name: str, versions: Mapping[str, str], wanted: str) -> str:
    if not is_digest(wanted.removeprefix("sha256:")):
        raise no_digest(wanted)
    for version, pin in versions.items():
        if pin == wanted:
            return version
    raise refused(
        "CC1406",
        f"no version of `{name}` has the content {wanted}",
        f"{name}@{wanted}",
        hint="add it again from the file that it was: `chunkc store list` prints the content of each version",
    )


def _nothing(versions: Mapping[str, str], aliases: Table, name: str, chain: list[str]) -> CompileError:
    known = [*versions, *aliases.rows.get(name, {})]
    last = chain[-1]
    hint = did_you_mean(last, known) or f"there are {_named(name, known)}"
    if len(chain) == 1:
        return refused("CC1406", f"`{name}` has no version or alias `{shown(last)}`", f"{name}@{shown(last)}", hint=hint)
    places = _labels(aliases, name, chain[:-1], f"`{last}` is neither a version nor an alias of `{name}`")
    return CompileError([Diagnostic("CC1411", f"the alias `{name}@{chain[0]}` stands for nothing", places, hint)])


def _loop(aliases: Table, name: str, chain: list[str]) -> CompileError:
    places = _labels(aliases, name, chain[chain.index(chain[-1]) : -1], "this leads back")
    hint = f"let one of them stand for a version: `chunkc store alias {name}@{chain[-1]} VERSION`"
    message = f"aliases of `{name}` stand for each other: {' -> '.join(chain)}"
    return CompileError([Diagnostic("CC1410", message, places, hint)])


def _labels(aliases: Table, name: str, chain: Iterable[str], last: str) -> tuple[Label, ...]:
    """The entries of a chain in the file, the last one first."""
    spans = [aliases.span(name, alias) for alias in chain]
    return (Label(spans[-1], last), *(Label(span) for span in spans[:-1]))


def _named(name: str, keys: Iterable[str]) -> str:
    return ", ".join(f"`{name}@{key}`" for key in list(keys)[:8])


def problems(index: Table, aliases: Table) -> list[Diagnostic]:
    """What is wrong with aliases, all of them; each loop once."""
    found: dict[object, Diagnostic] = {}
    for name, own in aliases.rows.items():
        versions = index.rows.get(name, {})
        for alias in own:
            if alias in versions:
                label = Label(aliases.places.key((name, alias)), f"it is also a version: {name}@{alias} means that")
                hint = f"`chunkc store alias --remove {name}@{alias}`"
                found[name, alias] = Diagnostic("CC1411", f"the alias `{name}@{alias}` is hidden", (label,), hint)
                continue
            try:
                follow(versions, aliases, name, alias)
            except CompileError as error:
                one = error.diagnostics[0]
                found[frozenset(label.span for label in one.labels) if one.code == "CC1410" else (name, alias)] = one
    return list(found.values())
