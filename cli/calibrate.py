"""`chunkc calibrate`: a target of this machine by microbenchmarks, or one whose constants are fitted to a measured table."""

from __future__ import annotations

from pathlib import Path

import click

from ..simulator.kinds import MODULES, Kind, kind_of
from ..simulator.target import Target
from ..simulator.target_reading import FOLDER, load_target
from ..simulator.validation import Errors
from .calibrate_here import calibrate_here
from .report import guarded, progress, table


@click.command()
@click.option("--from", "measured", metavar="TABLE.csv", help="Fit to this table, instead of measuring this machine.")
@click.option("--kind", "name", type=click.Choice(list(MODULES)), help="What the table's rows are.")
@click.option("--target", "hardware", metavar="TARGET", help="The target to fit: a name, or the path of a .toml file.")
@click.option("--threads", type=click.IntRange(min=1), help="Of torch, when this machine is measured.")
@click.option("-o", "--write-to", metavar="FILE", default="-", help="Where to write the target; `-`, the default, is stdout.")
@guarded
def command(measured: str | None, name: str | None, hardware: str | None, threads: int | None, write_to: str) -> None:
    """Measure this machine and write it as a target; with --from, fit the constants of a target to a table, and tell how far
    it is off on families of shapes that the fit has not seen."""
    if measured is None:
        given = [option for option, value in (("--kind", name), ("--target", hardware)) if value is not None]
        if given:
            raise click.UsageError(f"{' and '.join(given)} go{'es' if len(given) == 1 else ''} with --from TABLE.csv")
        calibrate_here(write_to, threads)
        return
    missing = [option for option, value in (("--kind", name), ("--target", hardware)) if value is None]
    if name is None or hardware is None:
        raise click.UsageError(f"--from needs {' and '.join(missing)}")
    if threads is not None:
        raise click.UsageError("--threads is of measurements of this machine; --from makes none")
    fit_to(measured, kind_of(name, measured), hardware, write_to)


def fit_to(measured: str, kind: Kind, hardware: str, write_to: str) -> None:
    """Fits the target's constants to a table, and writes its file with them."""
    from ..simulator.refitting import check_fits, refitted
    from ..simulator.tables import read_table

    target = load_target(hardware)
    check_fits(kind, target, constants=True)
    rows = read_table(measured, kind.columns)
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise click.ClickException('fits need scipy: pip install "chunkc[fit]"') from error
    from ..simulator.fitting import Sample, fit, held_out_errors

    progress(f"fitting {', '.join(kind.fitted)} to {len(rows)} rows")
    values = fit(kind, [Sample.of(target, rows)])
    fitted = kind.with_constants(target, values)
    progress("fitting again without each fifth of the families")
    lines = [
        ("before", Errors.of(kind.predict(target, rows.columns), rows.seconds)),
        ("fitted", Errors.of(kind.predict(fitted, rows.columns), rows.seconds)),
        ("on families not seen", held_out_errors(kind, target, rows)),
    ]
    table(COLUMNS, [(what, *shares(errors)) for what, errors in lines], err=write_to == "-")
    text = refitted(file_of(hardware).read_text(encoding="utf-8"), kind.section, type(held(kind, target)), values)
    if write_to == "-":
        click.echo(text, nl=False)
    else:
        Path(write_to).write_text(text, encoding="utf-8")
        progress(f"wrote {write_to}")


COLUMNS = ("constants", "mean", "median", "p90", "p95")


def shares(errors: Errors) -> tuple[str, ...]:
    """Mean, median, p90 and p95 as percentages."""
    return tuple(f"{share:.1%}" for share in (errors.mean, errors.median, errors.p90, errors.p95))


def held(kind: Kind, target: Target) -> object:
    """The constants of a kind, all of them, as the target holds them."""
    return getattr(target, kind.section)


def file_of(hardware: str) -> Path:
    """Where a target stands."""
    return Path(hardware) if hardware.endswith(".toml") else FOLDER / f"{hardware}.toml"
