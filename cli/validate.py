"""`chunkc validate`: predicted times beside measured ones, of a table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..simulator.kinds import MODULES, kind_of
from ..simulator.target_reading import load_target
from ..simulator.validation import Errors
from .report import guarded, progress, table
from .validate_systolic import validate_runs


@click.command()
@click.argument("path", metavar="TABLE.csv")
@click.option("--kind", "name", type=click.Choice([*MODULES, "systolic"]), required=True, help="What the table's rows are.")
@click.option("--target", "hardware", metavar="TARGET", help="A name, or the path of a .toml file.")
@click.option("-o", "--write-to", metavar="FILE", help="Where to write the table with a column `predicted_ms`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--compat", type=click.Choice(["scalesim"]), help="Of `systolic`: halve K with row-wise sparsity, as SCALE-Sim does."
)
@guarded
def command(path: str, name: str, hardware: str | None, write_to: str | None, as_json: bool, compat: str | None) -> None:
    """Predict each row of a measured table on a target, and tell how far off that is: absolute percentage errors.

    Of the kind `systolic` the rows are SCALE-Sim's runs, each with its own array: how many are met to the cycle.
    """
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
