"""Writes `docs/accuracy.md` and its plots: how far the cost models are from what was measured, on shapes no fit has seen.

Run it as `make accuracy`, or `python docs/make_accuracy.py --data FOLDER` with a folder of tables `TARGET_KIND_bf16.csv` (also
named by CHUNKC_MEASURED; `../shared/data/measured` without either). It fits everything again and takes some minutes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import numpy as np
from scatter import scatter

from chunkc.simulator.baselines import best_roofline, datasheet_roofline, roofline
from chunkc.simulator.fitting import Sample, held_out, unseen
from chunkc.simulator.kinds import Kind, all_kinds
from chunkc.simulator.tables import Table, read_table
from chunkc.simulator.target import Target
from chunkc.simulator.target_listing import written
from chunkc.simulator.target_reading import load_target, shipped
from chunkc.simulator.validation import Errors

DOCS = Path(__file__).resolve().parent
BESIDE = DOCS.parent.parent / "shared" / "data" / "measured"
SEEN, UNSEEN = ("a100", "h100"), "h200"

HEAD = """\
# Accuracy

Written by `make accuracy`, which fits everything again. Predicted beside measured times on GPUs that others measured (tables of
ai-dynamo/aiconfigurator and NetX-lab/Frontier, Apache-2.0 and MIT, which are not part of chunkc). Errors are absolute percentage
errors over the rows of a table. *Not seen*: the families of shapes (for products all with the same `n` and `k`) are put into five
parts, and each part is predicted with constants that were fitted on the other four. The same product on the same GPU differs by 3
to 8% between versions of the software, so nothing can be much nearer than that.

The datasheet's roofline is the slower of multiply-adds and bytes at its rates. The fitted roofline has three constants (rate,
bandwidth, launch), fitted on the very rows that it is judged on.
"""


@attrs.frozen(eq=False)
class Case:
    """One table of one device, and what was predicted for its rows when they were not seen."""

    kind: Kind
    target: Target
    table: Table
    predicted: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.kind.name}-{self.target.name}"


def cases_of(kind: Kind, folder: Path) -> list[Case]:
    """A case for each shipped target that the folder has a table of."""
    found = []
    for name in shipped():
        path = folder / f"{name}_{kind.name}_bf16.csv"
        if path.is_file():
            target, table = load_target(name), read_table(path, kind.columns)
            print(f"{path.name}: {len(table)} rows")
            found.append(Case(kind, target, table, held_out(kind, target, table)))
    return found


def section(kind: Kind, cases: Sequence[Case], plots: Path) -> str:
    """The part of the page on one kind."""
    lines = [f"## {kind.title[0].upper()}{kind.title[1:]}\n", constants(kind, cases)]
    lines += ["", "| target | | rows | mean | median | p90 | p95 |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for case in cases:
        macs, moved = kind.work(case.table.columns)
        measured = case.table.seconds
        rates = best_roofline(case.target, macs, moved, measured)
        lines.append(row(f"`{case.target.name}`", "**not seen**", Errors.of(case.predicted, measured)))
        lines.append(row("", "all rows fitted", Errors.of(kind.predict(case.target, case.table.columns), measured)))
        lines.append(row("", "roofline of the datasheet", Errors.of(datasheet_roofline(case.target, macs, moved), measured)))
        says = f"{written(2 * rates[0], 'FLOP/s', 3)}, {written(rates[1], 'B/s', 3)}, {1e6 * rates[2]:.1f} µs"
        lines.append(row("", f"roofline at its best ({says})", Errors.of(roofline(rates, macs, moved), measured)))
    lines += ["", unseen_device(kind, cases)]
    for case in cases:
        plots.mkdir(exist_ok=True)
        title = f"{case.target.title}: {kind.title}"
        (plots / f"{case.name}.svg").write_text(scatter(case.table.seconds, case.predicted, title), encoding="utf-8")
    lines += ["Not seen. The pale lines are 20% off; what is off by more than half or twice stands at the edge.\n"]
    lines += [f"![{case.name}]({plots.name}/{case.name}.svg)\n" for case in cases]
    return "\n".join([*lines, "", *worst(cases)]) + "\n"


def constants(kind: Kind, cases: Sequence[Case]) -> str:
    """What is fitted, with its meaning and its value on each device."""
    heads = " | ".join(f"`{case.target.name}`" for case in cases)
    lines = [f"| fitted | {heads} | meaning |", f"| --- |{' ---: |' * len(cases)} --- |"]
    for name in kind.fitted:
        path, held = f"{kind.section}.{name}", [getattr(case.target, kind.section) for case in cases]
        unit = attrs.fields_dict(type(held[0]))[name].metadata.get("unit", "")
        values = " | ".join(written(getattr(one, name), unit, 3) for one in held)
        means = next((note.means for case in cases if (note := case.target.notes.get(path)) and note.means), "")
        lines.append(f"| `{name}` | {values} | {means} |")
    return "\n".join(lines)


def row(target: str, what: str, errors: Errors) -> str:
    shares = " | ".join(f"{share:.1%}" for share in (errors.mean, errors.median, errors.p90, errors.p95))
    return f"| {target} | {what} | {errors.rows} | {shares} |"


def unseen_device(kind: Kind, cases: Sequence[Case]) -> str:
    """The error on a device of which only the datasheet was used, where there are tables of the others."""
    by_name = {case.target.name: case for case in cases}
    if not {*SEEN, UNSEEN} <= set(by_name):
        return ""
    judged, lines = by_name[UNSEEN], []
    for names, says in ((SEEN, "the same constants for both"), (("h100",), "of its own generation")):
        seen = [Sample.of(by_name[name].target, by_name[name].table) for name in names]
        predicted = unseen(kind, seen, judged.target, judged.table.columns)
        errors = Errors.of(predicted, judged.table.seconds)
        fitted = " and ".join(f"`{name}`" for name in names)
        lines.append(f"- fitted on {fitted} ({says}): mean {errors.mean:.1%}, median {errors.median:.1%}, p95 {errors.p95:.1%}")
    return f"The `{UNSEEN}` from its datasheet alone:\n\n" + "\n".join(lines) + "\n"


def worst(cases: Sequence[Case], count: int = 5) -> Iterable[str]:
    """The rows that are farthest off, and the families that are so on the mean."""
    columns = [column.name for column in cases[0].kind.columns]
    yield "The worst rows and families, not seen:\n"
    yield f"| target | {' | '.join(f'`{name}`' for name in columns)} | measured | predicted | off |"
    yield f"| --- |{' --- |' * len(columns)} ---: | ---: | ---: |"
    for case in cases:
        off = case.predicted / case.table.seconds - 1
        for index in np.argsort(-np.abs(off))[:count]:
            shape = " | ".join(spelt(case.table.columns[name][index]) for name in columns)
            times = f"{1e6 * case.table.seconds[index]:.1f} µs | {1e6 * case.predicted[index]:.1f} µs"
            yield f"| `{case.target.name}` | {shape} | {times} | {off[index]:+.0%} |"
    yield ""
    yield f"| target | {' | '.join(f'`{name}`' for name in cases[0].kind.family)} | rows | mean error |"
    yield f"| --- |{' --- |' * len(cases[0].kind.family)} ---: | ---: |"
    for case in cases:
        yield from worst_families(case, count)


def worst_families(case: Case, count: int) -> Iterable[str]:
    """The families whose rows are farthest off on the mean."""
    numbers = case.kind.families(case.table.columns)
    off = np.abs(case.predicted / case.table.seconds - 1)
    means = {number: off[numbers == number].mean() for number in np.unique(numbers)}
    for number in sorted(means, key=lambda one: -means[one])[:count]:
        rows = numbers == number
        shape = " | ".join(spelt(case.table.columns[name][rows][0]) for name in case.kind.family)
        yield f"| `{case.target.name}` | {shape} | {rows.sum()} | {means[number]:.1%} |"


def spelt(value: object) -> str:
    """A value of a table: a word, or a number without needless digits."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value.is_integer() else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CHUNKC_MEASURED") or BESIDE))
    parser.add_argument("--to", type=Path, default=DOCS / "accuracy.md")
    given = parser.parse_args()
    parts = [HEAD]
    for kind in all_kinds():
        cases = cases_of(kind, given.data)
        if cases:
            parts.append(section(kind, cases, given.to.parent / "accuracy"))
    if len(parts) == 1:
        parser.error(f"there are no tables like h200_gemm_bf16.csv in {given.data}")
    given.to.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
