"""The wording of the codes of measured tables."""

from __future__ import annotations

from .diagnostics import Code

TABLES = {
    "CC1101": Code(
        "measured table that cannot be used",
        """A table of measurements is a CSV file with a header. The columns of its kind must be there (others may, and are kept), and
`latency_ms`, a number above 0. A value that is missing, or cannot be, is an error with its line, and never guessed at.

    m,n,k,latency_ms
    128,4096,4096,0.0184

    chunkc validate --kind gemm table.csv --target h200""",
    ),
}
