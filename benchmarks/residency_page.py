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
    parts = {"disk": disk, "bits": bits, "accelerate": accelerate, "overlap": overlap}
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


def disk(rows: list[dict[str, Any]]) -> list[str]:
    """What the disk gives."""
    rates = {row["how"]: f"{row['rate']:.2f} GB/s ({row['rates'][0]:.2f} to {row['rates'][1]:.2f})" for row in rows}
    said = f"""The loader got {rates["mapped"]} from files that it maps, and {rates["direct"]} past the page cache: 16 files of
64 MiB that were in no cache, medians of six rounds (least to most)."""
    return ["## The disk", "", said, ""]


def accelerate(rows: list[dict[str, Any]]) -> list[str]:
    """Both giants beside accelerate's offload."""
    body = [
        (
            f"{row['model']} [{row['shape']}], {row['cache']}: {row['mode']}",
            f"{row['peak'] / MIB:.1f} MiB",
            f"{1e3 * row['median']:.1f} ms",
            f"{row['ratio']:.2f} ({row['ratios'][0]:.2f} to {row['ratios'][1]:.2f})",
        )
        for row in rows
    ]
    head = ("", "memory", "a call (median)", "times as fast as accelerate")
    read = {row["model"]: f"{row['read'] / 1e9:.2f} GB a call for `{row['model']}`" for row in rows}
    said = f"""`accelerate`: its `disk_offload`; `accelerate-safetensors`: its loader on mapped safetensors. The first row of ours
has as much memory as the former took (at least two chunks), the second 512 MiB. What lies in the store is hashed when it is
first loaded; the calls that are timed come after that. Each contender ran in two rounds, one after the other: medians, and the
least and the largest ratio of a round. Floor: what ours reads
({", ".join(read.values())}), at the rate of the disk or of the memory, and
2.1 GFLOP a token for the layers, 0.07 for the mixture."""
    return ["## Beside accelerate", "", said, "", *table(head, body)]


def overlap(rows: list[dict[str, Any]]) -> list[str]:
    """The stack: loads behind compute."""
    body = [
        (
            f"{row['cache']}, {row['tokens']} tokens",
            *(f"{row[name]:.2f} s" for name in ("compute", "load", "both", "waited", "compute_cpu", "both_cpu")),
            f"{row['ratio']:.2f} ({row['ratios'][0]:.2f} to {row['ratios'][1]:.2f})",
        )
        for row in rows
    ]
    head = ("", "compute alone", "loads alone", "both", "waited in it", "CPU, compute alone", "CPU, both", "both / the longer")
    said = """Compute alone: everything resident. Loads alone: one token, nothing loaded ahead (its own products are in it). CPU:
of the thread that computes, which loads cost nothing where both are alike. One process has all three and runs them in random
order, five rounds: medians, and the least and the largest ratio of a round (`python -m benchmarks.giant_overlap`)."""
    return ["## Loads behind compute", "", said, "", *table(head, body)]
