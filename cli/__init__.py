"""The `chunkc` command. Subcommands are imported when used: `chunkc --help` reads neither torch nor the grammar."""

from __future__ import annotations

import click

from .. import __version__
from .lazy import LazyGroup

COMMANDS = {
    "new": "Write a starter spec.",
    "check": "Report everything that is wrong in files or folders.",
    "fmt": "Put files into the one layout.",
    "opt": "Run passes and print the graph as .cc text.",
    "test": "Run golden files of passes.",
    "compile": "Write a standalone PyTorch module.",
    "run": "Run a spec once and tell what it skipped.",
    "profile": "Record which ways a spec's selections keep.",
    "simulate": "Tell what a spec takes on hardware that need not be here.",
    "loads": "Time a recorded trace of loads, under other budgets too.",
    "targets": "List the hardware that plans can be timed on.",
    "calibrate": "Make a target of this machine, or fit one to measured tables.",
    "validate": "Compare predicted times with measured ones.",
    "lock": "Pin what the handles of a spec stand for.",
    "store": "Keep chunks by name, version and content.",
    "demo": "Train and route a small mixture on handwritten digits.",
    "explain": "Tell what a diagnostic's code means.",
}


@click.group(cls=LazyGroup, commands_in=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chunkc")
def group() -> None:
    """A compiler for conditional computation: write dense semantics, get sparse execution.

    Exit status: 0 clean, 1 findings, 2 wrong use.
    """


def main() -> None:
    """Entry point of the command."""
    group.main(prog_name="chunkc")
