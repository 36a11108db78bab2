"""A click group that imports a subcommand's module only when it runs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from ..compiler.diagnostics import did_you_mean


class LazyGroup(click.Group):
    """`commands_in` maps each subcommand to its line of help; `cli/NAME.py` holds it as `command`, NAME behind a `prefix`."""

    def __init__(self, *args: Any, commands_in: dict[str, str], prefix: str = "", **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.commands_in, self.prefix = commands_in, prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_in:
            return None
        command = import_module(f".{self.prefix}{cmd_name}", __package__).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.commands_in.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands_in:
            hint = did_you_mean(args[0], self.commands_in) or f"there are {', '.join(self.commands_in)}"
            raise click.UsageError(f"there is no command `{args[0]}`; {hint}", ctx)
        return super().resolve_command(ctx, args)
