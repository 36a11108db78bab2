"""`chunkc validate --kind systolic`: compute cycles of SCALE-Sim's runs beside the closed forms'."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .report import progress, table


def validate_runs(path: str, compat: str, write_to: str | None, as_json: bool) -> None:
    """Tells how many runs of a table are met to the cycle, by kind of sparsity."""
    from ..simulator.systolic.scalesim import check_table

    found = check_table(path, "scalesim" if compat else "")
    if write_to == "-":
        click.echo(found.text(), nl=False)
    elif write_to is not None:
        Path(write_to).write_text(found.text(), encoding="utf-8")
        progress(f"wrote {write_to}")
    rows = []
    for how in dict.fromkeys(run.sparsity for run in found.runs):
        errors = [run.error for run in found.runs if run.sparsity == how]
        rows.append((how, len(errors), sum(error == 0 for error in errors), sum(errors) / len(errors)))
    if as_json:
        names = ("sparsity", "rows", "exact", "mean")
        said = [dict(zip(names, (*row[:3], 100 * row[3]))) for row in rows]
        click.echo(json.dumps({"kind": "systolic", "compat": compat, "found": said}, indent=2), err=write_to == "-")
    else:
        shown = [(how, str(count), str(exact), f"{mean:.2%}") for how, count, exact, mean in rows]
        table(("sparsity", "rows", "exact", "mean"), shown, err=write_to == "-")
