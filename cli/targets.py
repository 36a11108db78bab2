"""`chunkc targets`: the hardware that plans can be timed on, and what is known of it, value by value with its source."""

from __future__ import annotations

import json
from typing import Any

import click

from ..compiler.diagnostics import Findings
from ..simulator.target import Target
from ..simulator.target_listing import Entry, entries, written
from ..simulator.target_reading import load_target, shipped
from .report import guarded, progress, table, tell


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, numbers in base units.")
@guarded
def command(name: str | None, as_json: bool) -> None:
    """List the targets; with NAME (or the path of a .toml file) tell all values of one, their sources, and which are fitted."""
    findings = Findings()
    if name is None:
        targets = [load_target(each) for each in shipped()]
        if as_json:
            click.echo(json.dumps([summary(target) for target in targets], indent=2))
        else:
            table(COLUMNS, [line(target) for target in targets])
        return
    target = load_target(name, findings)
    tell(findings.items)
    found = entries(target)
    if as_json:
        values = {entry.path: as_values(entry) for entry in found}
        click.echo(json.dumps({**summary(target), "values": values, "sources": dict(target.sources)}, indent=2))
        return
    rows = [("title", target.title, "")] + [(entry.path, entry.text, said(entry)) for entry in found]
    table(("value", "is", "source"), rows + [(f"[{name}]", "", source) for name, source in target.sources.items()])
    fitted = sum(entry.note.fitted for entry in found)
    progress(f"{len(found)} values, {fitted or 'none'} of them fitted")


COLUMNS = ("target", "kind", "bf16", "f32", "memory", "bandwidth", "power")


def line(target: Target) -> tuple[str, ...]:
    """A target as a row of the table of all."""
    memory, rates = target.device_memory, [rate(target, dtype) for dtype in ("bf16", "f32")]
    shown = [written(each, "FLOP/s") if each is not None else "-" for each in rates]
    size, speed, power = written(memory.size, "B"), written(memory.bandwidth, "B/s"), written(target.power.limit, "W")
    return (target.name, target.kind, *shown, size, speed, power)


def rate(target: Target, dtype: str) -> float | None:
    """FLOPs a second of products, two a multiply-add; None where the target has none of this dtype."""
    return 2 * target.peak_macs(dtype) if dtype in target.matrix.macs else None


def summary(target: Target) -> dict[str, Any]:
    """A target as JSON values, in FLOP/s, B, B/s and W."""
    memory = target.device_memory
    return {
        "name": target.name,
        "kind": target.kind,
        "title": target.title,
        "flops_per_s": {dtype: rate(target, dtype) for dtype in target.matrix.macs},
        "memory_bytes": memory.size,
        "memory_bytes_per_s": memory.bandwidth,
        "power_w": target.power.limit if target.power.limit != float("inf") else None,
    }


def as_values(entry: Entry) -> dict[str, Any]:
    """A value as JSON values."""
    note = entry.note
    fitted = {"fitted": True, "means": note.means} if note.fitted else {}
    return {"value": entry.value, "unit": entry.unit, "source": note.source, **fitted}


def said(entry: Entry) -> str:
    """Where a value is from; of a fitted one also what it means."""
    if not entry.note.fitted:
        return entry.note.source
    return f"fitted: {entry.note.means}" + (f" ({entry.note.source})" if entry.note.source else "")
