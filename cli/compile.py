"""`chunkc compile`: a standalone PyTorch module."""

from __future__ import annotations

from pathlib import Path

import click

from .. import api
from ..compiler.diagnostics import Findings
from .arguments import CommandLine, bindings, model_options, outside, parameters
from .passes import chosen, for_target, given, pass_options, target_options
from .report import guarded, progress, tell


@click.command()
@click.argument("path")
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to write; `-`, the default, is stdout.")
@model_options
@pass_options
@target_options
@guarded
def command(
    path: str,
    output: str,
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    plugin_files: tuple[str, ...],
    passes: str | None,
    level: str | None,
    target: str | None,
    dims: tuple[str, ...],
) -> None:
    """Write a spec as a Python module that needs torch alone."""
    line = CommandLine("compile", path, {"-D": defines, "--bind": binds, "--dims": dims, **given(passes, plugin_files)})
    stages = chosen(line, passes, level)
    findings = Findings()
    loaded = api.loaded(path, parameters(line), bind=bindings(line), findings=findings, outside=outside())
    tell(api.distinct(findings.items))
    stages = for_target(stages, loaded[0], line, target)
    text = api.standalone_graphs(*(api.optimize(graph, stages) for graph in loaded))
    if output == "-":
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
        progress(f"wrote {output}")
