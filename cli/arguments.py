"""What is given to a model on the command line: `-D k=4`, `--bind edges=edges.cc`, each underlined where it is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..compiler.diagnostics import CompileError, Findings, Label, did_you_mean
from ..compiler.source import Source, Span
from ..grammar import tree
from ..grammar.parse import parse
from .files import read_text

if TYPE_CHECKING:
    from ..store.opening import Outside

F = TypeVar("F", bound=Callable[..., Any])


OUTSIDE = "chunkc.outside"


def outside() -> Outside:
    """What `--store`, `--weights`, `--offline` and `--allow-python` of the command that runs say."""
    from ..store.opening import Outside

    given: dict[str, Any] = click.get_current_context().meta.get(OUTSIDE, {})
    return Outside(**given)


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value:
        context.meta.setdefault(OUTSIDE, {})[option.name] = value


def outside_options(command: F) -> F:
    """The options that say what a spec may read besides its own text; `outside` gives them."""
    kept: dict[str, Any] = {"expose_value": False, "callback": _keep}
    for option in (
        click.option("--allow-python", is_flag=True, help="Let `py:` handles run code.", **kept),
        click.option("--offline", is_flag=True, help="Fetch nothing.", **kept),
        click.option("--weights", metavar="HANDLE", help="Where the whole model's weights are stored.", **kept),
        click.option("--store", metavar="DIR", help="The store; else $CHUNKC_STORE, else chunkc-store beside the spec.", **kept),
    ):
        command = option(command)
    return command


def model_options(command: F) -> F:
    """The options of every command that loads a model, and what lies outside of it."""
    return spec_options(outside_options(command))


def spec_options(command: F) -> F:
    """The options that say which model of a spec is meant."""
    bind = click.option("--bind", "binds", metavar="NAME=FILE", multiple=True, help="Put a written chunk in an extern's place.")
    define = click.option("-D", "defines", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the model.")
    return define(bind(command))


@dataclass(frozen=True, slots=True)
class Given:
    """One `name=value` of the command line."""

    name: str
    value: str
    name_span: Span
    value_span: Span


class CommandLine:
    """The command as typed, as a source that diagnostics can underline: the file, then the options and their values."""

    def __init__(self, command: str, path: str, options: Mapping[str, Sequence[str]]):
        self.path = path
        text = f"chunkc {command} {shlex.quote(path)}"
        places: list[tuple[str, str, int]] = []
        for option, values in options.items():
            for value in values:
                text += f" {option} "
                places.append((option, value, len(text)))
                text += value
        self.source = Source("<command line>", text)
        self._places = places
        self.findings = Findings()

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, max(end, start + 1) if end < len(self.source.text) else end)

    def spans(self, option: str) -> list[tuple[str, Span]]:
        """The values given to an option, with their places."""
        return [(value, Span(self.source, at, at + len(value))) for name, value, at in self._places if name == option]

    def pairs(self, option: str, code: str, *, separator: str = "") -> dict[str, Given]:
        """The `name=value`s given to an option, `separator` between several; what has no `=`, or stands twice, is reported."""
        found: dict[str, Given] = {}
        for value, span in self.spans(option):
            start = span.start
            for piece in value.split(separator) if separator else [value]:
                given = self._pair(piece, start)
                place = self.span(start, start + len(piece))
                if given is None:
                    self.findings.error(code, f"`{option}` takes NAME=VALUE", place, label="no `=` with a name before it")
                elif given.name in found:
                    first = Label(found[given.name].name_span, "first here")
                    self.findings.error(code, f"`{given.name}` is given twice", given.name_span, label="again here", also=[first])
                else:
                    found[given.name] = given
                start += len(piece) + len(separator)
        return found

    def _pair(self, piece: str, start: int) -> Given | None:
        name, equals, value = piece.partition("=")
        if not equals or not name.strip():
            return None
        middle = start + len(name) + 1
        return Given(name.strip(), value.strip(), self.span(start, middle - 1), self.span(middle, middle + len(value)))


def bindings(line: CommandLine) -> dict[str, str]:
    """What `--bind` gives: externs' names and files."""
    found = line.pairs("--bind", "CC0710")
    for given in found.values():
        if not Path(given.value).is_file():
            line.findings.error("CC0701", f"`{given.value}`: no such file", given.value_span, label="to be bound")
    line.findings.check()
    return {name: given.value for name, given in found.items()}


def parameters(line: CommandLine) -> dict[str, object]:
    """What `-D` gives, brought to the types that the model declares; `CompileError` with all that does not fit."""
    given = line.pairs("-D", "CC0702")
    model = main_model(line.path) if given else None
    if model is None:
        line.findings.check()
        return {}
    declared = {p.name.text: p for p in model.parameters}
    values: dict[str, object] = {}
    for name, g in given.items():
        if name in declared:
            values[name] = _convert(line.findings, g, declared[name])
            continue
        hint = did_you_mean(name, declared) or (f"it has {', '.join(f'`{n}`' for n in declared)}" if declared else "it has none")
        also = [Label(model.name.span, "the model")]
        message = f"the model has no parameter `{name}`"
        line.findings.error("CC0702", message, g.name_span, label="not known", also=also, hint=hint)
    line.findings.check()
    return values


def main_model(path: str) -> tree.Model | None:
    """The model that a file stands for: its last; None where there is none to be seen, which loading then reports."""
    try:
        file = parse(Source(path, read_text(path)), Findings())
    except CompileError:
        return None
    models = [item for item in file.items if isinstance(item, tree.Model)]
    return models[-1] if models else None


BOOLEANS = {"true": True, "false": False}


def _convert(findings: Findings, given: Given, declared: tree.Parameter) -> object:
    kind = declared.type.text
    try:
        match kind:
            case "int":
                return int(given.value)
            case "float":
                return float(given.value)
            case "bool":
                return BOOLEANS[given.value]
            case _:
                return given.value
    except (ValueError, KeyError):
        label = f"not {'an' if kind == 'int' else 'a'} {kind}"
        also = [Label(declared.span, f"declared `{kind}` here")]
        hint = "write `true` or `false`" if kind == "bool" else ""
        message = f"`{given.name}` takes {'an' if kind == 'int' else 'a'} {kind}, not `{given.value}`"
        findings.error("CC0703", message, given.value_span, label=label, also=also, hint=hint)
        return None
