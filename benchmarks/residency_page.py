"""`docs/residency.md`: the tables of `benchmarks.residency`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MIB = 1 << 20
INTRODUCTION = """# Models larger than their budget, measured

Written by `python -m benchmarks.residency` (two cores, torch with one thread, each case in a process of its own). Both models
have 64 chunks of 64 MiB in f32, 4 GiB in all: `giant.cc` routes an input to two of 64 experts, `giant_layers.cc` runs 64 blocks
one behind the other. *Memory* is the peak of the process's resident pages, anonymous ones and those of mapped files together,
over what was there before the first call (the kernel keeps it: VmHWM): weights, and what calls compute. *Cold*: the page
cache is emptied of all files before each call.
"""


def page(found: dict[str, Any]) -> str:
    """The whole page."""
    parts = {"bits": bits, "accelerate": accelerate, "overlap": overlap}
    return "\n".join([INTRODUCTION, *(line for name, part in parts.items() if name in found for line in part(found[name]))])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def bits(rows: list[dict[str, Any]]) -> list[str]:
    """The routed giant: the same bits under 512 MiB."""
    body = []
    for row in rows:
        moved = row.get("residency")
        body.append((
            row["case"],
            f"{row['budget'] / MIB:.0f} MiB" if "budget" in row else "-",
            f"{row['peak'] / MIB:.1f} MiB",
            f"{1e3 * row['median']:.2f} ms",
            f"{moved['hits']} / {moved['loads']}" if moved else "-",
            f"{moved['bytes'] / 1e9:.1f} GB" if moved else "-",
            {True: "all", False: "NOT all"}.get(row.get("same"), "-") if "same" in row else "-",
        ))  # fmt: skip
    head = ("", "budget", "memory", "a call (median)", "hits / loads", "loaded", "outputs with the same bits")
    return ["## The same bits", "", *table(head, body)]


def accelerate(rows: list[dict[str, Any]]) -> list[str]:
    """Both giants beside accelerate's offload."""
    body = [
        (
            f"{row['model']} [{row['shape']}], {row['cache']}: {row['mode']}",
            f"{row['peak'] / MIB:.1f} MiB",
            f"{1e3 * row['median']:.1f} ms",
            f"{row['ratio']:.2f}",
        )
        for row in rows
    ]
    head = ("", "memory", "a call (median)", "times as fast as accelerate")
    said = """`accelerate`: its `disk_offload`; `accelerate-safetensors`: its loader on mapped safetensors. The first row of ours
has as much memory as the former took (at least two chunks), the second 512 MiB. What lies in the store is hashed when it is
first loaded; the calls that are timed come after that. Floor of the layers: 4.3 GB to be read and 2.1 GFLOP a token; this disk
gave 1.9 to 2.4 GB/s through the page cache, 1.1 past it (16 files of 64 MiB, six rounds in random order)."""
    return ["## Beside accelerate", "", said, "", *table(head, body)]


def overlap(rows: list[dict[str, Any]]) -> list[str]:
    """The stack: loads behind compute."""
    body = [
        (
            f"{row['cache']}, {row['tokens']} tokens",
            *(f"{row[name]:.2f} s" for name in ("compute", "load", "both")),
            f"{row['ratio']:.2f}",
        )
        for row in rows
    ]
    head = ("", "compute alone", "loads alone", "both", "both / the longer")
    said = """Compute alone: everything resident. Loads alone: one token, nothing loaded ahead (its own products are in it). Where
*both* from the disk takes longer than the products, no call waits: `residency().stalled` was 0.00 to 0.03 s at 128 tokens. The
products themselves take longer while the disk is read (3.4 s of CPU time in the thread that computes, then 3.9 to 4.2 s)."""
    return ["## Loads behind compute", "", said, "", *table(head, body)]
