"""Tables of measured dense products in bf16.

How the rows were measured: six layers with weights of their own and one input, run in turn in a CUDA graph that is replayed nine
times (the tables' collector, `collector/vllm/collect_gemm.py` and `helper.py` of ai-dynamo/aiconfigurator). So small weights
are read from the L2, and long products meet the power limit.
"""

from __future__ import annotations

import numpy as np

from ..kinds import Kind, Seconds
from ..tables import Column, Columns
from ..target import Target
from .gemm import gemm_rows
from .gemm_tiles import SPLITS
from .products import gemm_card

TURNS = 6.0
"""Sets of weights, one after another."""

RUNS = 54.0
"""Products until the clock is read."""


def predict(target: Target, columns: Columns) -> Seconds:
    """Seconds of each row on a target, measured as the tables were."""
    card, generation = gemm_card(target, "bf16")
    rows = gemm_rows(card, generation.tiles, SPLITS, columns["m"], columns["n"], columns["k"], TURNS, RUNS)
    return np.asarray(rows)


def work(columns: Columns) -> tuple[Seconds, Seconds]:
    """Multiply-adds and bytes of each row, each operand once."""
    m, n, k = columns["m"], columns["n"], columns["k"]
    return m * n * k, 2 * (m * n + n * k + m * k)


KIND = Kind(
    name="gemm",
    title="dense products",
    section="gemm",
    columns=(Column("m"), Column("n"), Column("k")),
    family=("n", "k"),
    fitted={
        "tensor": (0.5, 1.0),
        "dram": (0.5, 1.0),
        "fill": (1e-8, 5e-6),
        "step": (1e-8, 1e-6),
        "port": (5e9, 3e11),
    },
    predict=predict,
    work=work,
)
