"""What commands share about passes: the options that choose them, read so that slips are underlined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from .. import api
from ..compiler.ir import Graph
from ..passes import manager, pipeline
from ..passes.manager import Pass, Stage
from ..passes.options import option_fields
from ..passes.plugins import load_file
from .arguments import CommandLine, F
from .dims import dims_of

LEVELS = [name.removeprefix("O") for name in pipeline.PIPELINES]


def plugin_option(command: F) -> F:
    """The option that reads passes from files."""
    text = "Run a Python file and know its passes."
    return click.option("--plugin", "plugin_files", metavar="FILE.py", multiple=True, help=text)(command)


def pass_options(command: F) -> F:
    """The options that choose passes."""
    level = click.option("-O", "level", type=click.Choice(LEVELS), help="0 runs no passes, the highest level the default ones.")
    passes = click.option("--passes", metavar="A,B(k=2)", help="The passes to run, in this order (O1: those of -O1).")
    return passes(level(plugin_option(command)))


def profile_option(command: F) -> F:
    """The option that gives passes a profile."""
    text = "The activity profile of the passes that use one."
    return click.option("--profile", "profile_file", metavar="FILE", help=text)(command)


def target_options(command: F) -> F:
    """The options that say what passes choose for."""
    target = click.option("--target", metavar="NAME", help="Choose by what the simulator says of this target (`chunkc targets`).")
    dims = click.option("--dims", metavar="B=8,T=512", multiple=True, help="Sizes of run-time dimensions to choose for.")
    return target(dims(command))


def given(passes: str | None, files: Sequence[str]) -> dict[str, Sequence[str]]:
    """These options as `CommandLine` shows them."""
    return {"--plugin": files, "--passes": [passes] if passes is not None else []}


def plugins(line: CommandLine) -> dict[str, type[Pass]]:
    """The passes of the files behind `--plugin`; `CompileError` where one has none, or a name is taken."""
    found: dict[str, type[Pass]] = {}
    files: set[str] = set()
    for path, span in line.spans("--plugin"):
        if path in files:
            continue
        files.add(path)
        for name, kind in load_file(path, span, line.findings).items():
            if name in {**pipeline.PASSES, **found}:
                hint = "give the class another `name`"
                line.findings.error("CC0718", f"there is a pass `{name}` already", span, label="defines it again", hint=hint)
            found[name] = kind
    line.findings.check()
    return found


def chosen(
    line: CommandLine, passes: str | None, level: str | None, profile: str | None = None, *, plan: bool = False
) -> list[Stage]:
    """The stages to run, those that use a profile with this one; with `plan` the last may be `lower-plan`. `CompileError` with
    all that is unknown or out of order."""
    stages = _chosen(line, passes, level, plan)
    if profile is None:
        return stages
    told = pipeline.told(stages, profile=profile)
    if told == stages:
        raise click.UsageError("--profile is for passes that use one, and none of these does (those of -O2 do)")
    return told


def for_target(stages: list[Stage], graph: Graph, line: CommandLine, target: str | None) -> list[Stage]:
    """The stages, those that choose by costs with the sizes of `--dims` and the model of a target, on whose graph they choose."""
    sizes = dims_of(graph, line)
    line.findings.check()
    if target is not None:
        asks = [one for one in manager.flat(stages) if "model" in option_fields(type(one))]
        if not asks:
            raise click.UsageError("--target is for passes that choose by costs, and none of these does (those of -O2 do)")
        if not sizes and not any(getattr(one, "dims", "") for one in asks):
            raise click.UsageError("--target needs the sizes that it is to choose for: --dims B=8,T=512")
    return api.for_target(stages, target, sizes)


def _chosen(line: CommandLine, passes: str | None, level: str | None, plan: bool) -> list[Stage]:
    if passes is not None and level is not None:
        raise click.UsageError("give --passes or -O, not both")
    known: Mapping[str, type[Pass]] = plugins(line)
    if passes is None:
        return pipeline.resolve(pipeline.DEFAULT if level is None else [f"O{level}"])
    spans = [span for _, span in line.spans("--passes")]
    found = [one for span in spans for one in pipeline.placed(span, line.findings, plugins=known, plan=plan)]
    return pipeline.ordered(found, line.findings)
