"""`chunkc validate`: predicted times beside measured ones, of a table or of a spec that runs here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..simulator.kinds import MODULES, kind_of
from ..simulator.target_reading import load_target
from ..simulator.validation import Errors
from .arguments import model_options
from .report import guarded, progress, table
from .validate_systolic import validate_runs


@click.command()
@click.argument("path", metavar="TABLE.csv|MODEL.cc")
@click.option("--kind", "name", type=click.Choice([*MODULES, "systolic"]), help="What the table's rows are.")
@click.option("--target", "hardware", metavar="TARGET", help="A name, or the path of a .toml file.")
@click.option("-o", "--write-to", metavar="FILE", help="Where to write the table with a column `predicted_ms`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--compat", type=click.Choice(["scalesim"]), help="Of `systolic`: halve K with row-wise sparsity, as SCALE-Sim does."
)
@click.option("--dims", metavar="B=2,T=16", multiple=True, help="Of a spec: sizes of run-time dimensions.")
@model_options
@click.option("--dtype", type=click.Choice(["f32", "bf16", "f16", "f64"]), default="f32", help="Of a spec: what it is moved to.")
@click.option("--seconds", type=click.FloatRange(min=0.01, max=600), default=2.0, help="Of a spec: how long it is measured.")
@click.option("--seed", type=click.IntRange(min=0, max=2**62), default=0, help="Of a spec: of weights and random inputs.")
@guarded
def command(
    path: str, name: str | None, hardware: str | None, write_to: str | None, as_json: bool, compat: str | None, **of_spec: Any
) -> None:
    """Predict each row of a measured table on a target, and tell how far off that is: absolute percentage errors.

    Of the kind `systolic` the rows are SCALE-Sim's runs, each with its own array: how many are met to the cycle.

    Of a spec: run it here and simulate it with the same decisions, and tell both, step by step.
    """
    if name is None:
        return spec(path, hardware, write_to, compat, as_json, of_spec)
    if name == "systolic":
        if hardware is not None:
            raise click.UsageError("runs of the kind `systolic` have their own arrays: leave `--target` out")
        return validate_runs(path, compat or "", write_to, as_json)
    if hardware is None:
        raise click.UsageError(f"`--kind {name}` needs `--target`")
    if compat is not None:
        raise click.UsageError("`--compat` is of `--kind systolic`")
    from ..simulator.refitting import check_fits
    from ..simulator.tables import read_table, with_predictions

    kind, target = kind_of(name, path), load_target(hardware)
    check_fits(kind, target)
    rows = read_table(path, kind.columns)
    predicted = kind.predict(target, rows.columns)
    if write_to == "-":
        click.echo(with_predictions(rows, predicted), nl=False)
    elif write_to is not None:
        Path(write_to).write_text(with_predictions(rows, predicted), encoding="utf-8")
        progress(f"wrote {write_to}")
    errors = Errors.of(predicted, rows.seconds)
    found = {"mean": errors.mean, "median": errors.median, "p90": errors.p90}
    if as_json:
        said = {"kind": name, "target": target.name, "rows": errors.rows, **{key: 100 * value for key, value in found.items()}}
        click.echo(json.dumps(said, indent=2), err=write_to == "-")
    else:
        shown = [f"{value:.2%}" for value in found.values()]
        table(("kind", "target", "rows", *found), [(name, target.name, str(errors.rows), *shown)], err=write_to == "-")


def spec(
    path: str, hardware: str | None, write_to: str | None, compat: str | None, as_json: bool, given: dict[str, Any]
) -> None:
    """A spec on the target of this machine."""
    if path.endswith(".csv"):
        raise click.UsageError(f"`{path}` is a table: say by `--kind` what its rows are")
    wrong = [option for option, value in (("-o", write_to), ("--compat", compat)) if value is not None]
    if wrong:
        raise click.UsageError(f"{' and '.join(wrong)} go{'es' if len(wrong) == 1 else ''} with a table")
    if hardware is None:
        raise click.UsageError("a spec needs `--target`: `chunkc calibrate -o here.toml` makes that of this machine")
    from .validate_spec import validate_spec

    dtype, seed, seconds = given.pop("dtype"), given.pop("seed"), given.pop("seconds")
    validate_spec(path, hardware, given, dtype, seed, seconds, as_json)
