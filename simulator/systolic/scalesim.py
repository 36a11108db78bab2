"""Tables of SCALE-Sim's runs, a product a row, and the compute cycles that the closed forms say for each."""

from __future__ import annotations

from os import PathLike
from typing import Literal

import attrs

from ..tables import Column, parse_columns, read_source, with_column
from .closed import FLOWS, rowwise_cycles, scalesim_cycles

Compat = Literal["", "scalesim"]
Sparsity = Literal["dense", "layer-wise", "row-wise"]

SIZES = ("M", "N", "K", "array_h", "array_w")
PREDICTED = "predicted_cycles"
COLUMNS = (
    Column("dataflow", word=True, form="os|ws|is", like="os, ws or is"),
    *(Column(name) for name in SIZES),
    Column("compute_cycles", least=0.0),
    Column("sparsity_nm", word=True, optional=True, form=r"[1-9]\d{0,3}:[1-9]\d{0,3}", like="what is kept of a block, as 2:4"),
    Column("sparsity_row_opt_mapping", word=True, optional=True),
)


@attrs.frozen
class Checked:
    """One run: the cycles that SCALE-Sim reports, and those that it should."""

    reported: int
    predicted: int
    sparsity: Sparsity

    @property
    def error(self) -> float:
        """As a share of what is reported."""
        return abs(self.predicted - self.reported) / max(1, self.reported)


@attrs.frozen
class Runs:
    """All runs of a table, and the table as it stands in its file."""

    runs: tuple[Checked, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """The table as CSV text, with `predicted_cycles` behind its columns."""
        return with_column(self.header, self.rows, PREDICTED, [str(run.predicted) for run in self.runs])


def check_table(path: str | PathLike[str], compat: Compat = "") -> Runs:
    """
    Every run of a table. `CompileError` with all that is wrong with it.

    With row-wise sparsity SCALE-Sim halves K, whatever n:m is; `compat="scalesim"` does so too. Without it a row-wise run of
    which all rows keep n of m takes what a layer-wise one takes.
    """
    header, rows, found = parse_columns(read_source(path), COLUMNS)
    checked = []
    for place in range(len(rows)):
        m, n, k, high, wide = (int(found[name][place]) for name in SIZES)
        ratio = str(found["sparsity_nm"][place])
        kept, block = map(int, ratio.split(":")) if ratio else (1, 1)
        rowwise = bool(ratio) and str(found["sparsity_row_opt_mapping"][place]) == "True"
        if compat or not rowwise:
            flow = FLOWS[str(found["dataflow"][place])]
            predicted = scalesim_cycles(flow, m, n, k, high, wide, kept, block, rowwise)
        else:
            predicted = rowwise_cycles(m, k, high, wide, [min(kept, block)] * n, block)
        how: Sparsity = "row-wise" if rowwise else "layer-wise" if ratio else "dense"
        checked.append(Checked(int(found["compute_cycles"][place]), predicted, how))
    return Runs(tuple(checked), header, rows)
