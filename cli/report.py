"""What commands say: results to stdout, diagnostics and progress to stderr, and never a traceback."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.loading.places import Unloadable
from ..compiler.render import render_text, summary
from ..compiler.source import NOWHERE
from ..compiler.verify import VerifyError
from ..passes.manager import PassError, is_ours

P = ParamSpec("P")
R = TypeVar("R")

CLEAN, FINDINGS, USAGE, INTERNAL = 0, 1, 2, 70


def status(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit status for findings: 2 if what was given on the command line is wrong, 1 for errors in a spec, else 0."""
    errors = [d for d in diagnostics if d.severity == "error"]
    if any(d.code.startswith("CC07") for d in errors):
        return USAGE
    return FINDINGS if errors else CLEAN


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics in rustc's form to stderr."""
    if diagnostics:
        echo_error(render_text(diagnostics, colour=coloured(sys.stderr)) + summary(diagnostics))


def coloured(stream: Any) -> bool:
    """Whether to write colours: on a terminal, unless NO_COLOR is set."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def echo_error(text: str) -> None:
    """A line to stderr, whatever the characters and the encoding of stderr."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=True)


def progress(text: str) -> None:
    """What is being done, to stderr."""
    click.echo(click.style(text, dim=True) if coloured(sys.stderr) else text, err=True)


def file_error(error: OSError) -> Diagnostic:
    """An operating system's refusal as a diagnostic."""
    named = f"`{os.fspath(error.filename)!s}`: " if error.filename is not None else ""
    return Diagnostic("CC0701", f"{named}{(error.strerror or str(error)).lower()}", (Label(NOWHERE),))


def internal(error: Exception) -> NoReturn:
    """Leaves with the word that this is a fault of chunkc."""
    if os.environ.get("CHUNKC_TRACEBACK"):
        raise error
    echo_error(f"internal error: {type(error).__name__}: {error}")
    echo_error("  = help: this is a fault of chunkc; with CHUNKC_TRACEBACK=1 it shows where")
    raise click.exceptions.Exit(INTERNAL) from error


def failed(error: PassError) -> list[Diagnostic]:
    """The failure of a pass that is not chunkc's own: with the place in its file, or each thing that is wrong with its graph."""
    if isinstance(error.__cause__, VerifyError):
        broken = f"the pass `{error.failed.name}` gives a graph that is not well formed"
        return [Diagnostic("CC0719", f"{broken}: {one.message}", (Label(one.span),)) for one in error.__cause__.problems[:10]]
    file = getattr(sys.modules.get(type(error.failed).__module__), "__file__", None)
    assert error.__cause__ is not None
    frames = [frame for frame in traceback.extract_tb(error.__cause__.__traceback__) if frame.filename == file]
    hint = f"the error was raised at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return [Diagnostic("CC0719", str(error), (Label(NOWHERE),), hint)]


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Runs a command so that whatever goes wrong is told in words and gives the right exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CompileError as error:
            found: Sequence[Diagnostic] = error.diagnostics
        except Unloadable as error:
            found = [replace(error.diagnostic, message=f"the chunk `{error.path}` cannot be loaded: {error.diagnostic.message}")]
        except PassError as error:
            if is_ours(error.failed):
                internal(error)
            found = failed(error)
        except BrokenPipeError:
            raise
        except OSError as error:
            found = [file_error(error)]
        except MemoryError as error:
            found = [Diagnostic("CC0713", f"there is not enough memory: {str(error).lower() or 'it ran out'}", (Label(NOWHERE),))]
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            internal(error)
        tell(found)
        raise click.exceptions.Exit(status(found))

    return run


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    """A table to stdout (or stderr): drawn on a terminal where no word of it has to be cut; else a line a row, its values set
    apart by tabs, or on a terminal in columns."""
    if not (sys.stderr if err else sys.stdout).isatty():
        for row in (columns, *rows):
            click.echo("\t".join(row), err=err)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, drawn = Console(stderr=err), Table(*columns)
    for row in rows:
        drawn.add_row(*map(Text, row))
    cells = list(zip(columns, *rows))
    needed = sum(max(len(word) for cell in column for word in cell.split() or [""]) for column in cells)
    if needed + 3 * len(columns) + 1 <= console.width:
        console.print(drawn)
        return
    widths = [max(map(len, column)) for column in cells]
    for row in (columns, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), err=err)
