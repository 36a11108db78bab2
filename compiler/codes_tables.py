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
    "CC1102": Code(
        "table of other hardware",
        """Tables of products, mixtures of experts and attention were measured on GPUs, and are compared with the cost models of GPUs. A fit
begins at the constants that a target's file holds, so the file needs them; rough ones will do.

    chunkc calibrate --from table.csv --kind gemm --target edge-npu-32x32     # a systolic array: it has no such constants""",
    ),
}
