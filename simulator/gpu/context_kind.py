"""Tables of measured prefill attention: causal, as long as its keys, which are written into a paged cache first (vLLM)."""

from __future__ import annotations

import numpy as np

from ..compiled import kernel
from ..kinds import Kind, Seconds
from ..tables import Column, Columns
from ..target import Target
from .attention import context_parts
from .attention_decode import decode_parts
from .attention_tiles import Card
from .card import card_of
from .gemm import WINDOW

RUNS = 9.0
"""Of each row, one after another, three of them before the clock is read (the tables' collector, `collector/vllm/collect_attn.py`
of ai-dynamo/aiconfigurator): long ones meet the power limit."""


@kernel
def context_rows(card: Card, batch: Seconds, length: Seconds, heads: Seconds, kv_heads: Seconds, width: Seconds) -> Seconds:
    """Seconds of each row. One query alone is a decode step."""
    seconds = np.empty(len(batch))
    for row in range(len(batch)):
        b, s, h, kv, w = batch[row], length[row], heads[row], kv_heads[row], width[row]
        if s > 1.0:
            cool, compute, _, _ = context_parts(card, b, h, kv, s, s, w, w, True, 1.0, 1.0, 1.0, True)
            heated = max(0.0, 1.0 - WINDOW / (RUNS * cool))
            seconds[row] = cool + heated * (card.heated - 1.0) * compute
        else:
            seconds[row] = decode_parts(card, b, h, kv, 1.0, s, w, w, 1.0, True)[0]
    return seconds


def predict(target: Target, columns: Columns) -> Seconds:
    """Seconds of each row on a target, in bf16."""
    names = ("batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim")
    return np.asarray(context_rows(card_of(target), *(columns[name] for name in names)))


def work(columns: Columns) -> tuple[Seconds, Seconds]:
    """Multiply-adds and bytes of each row: two products over half of all pairs; queries, keys, values and results once."""
    tokens, width = columns["batch_size"] * columns["isl"], columns["head_dim"]
    pairs = tokens * (columns["isl"] + 1) / 2
    return 2 * pairs * columns["num_heads"] * width, 4 * tokens * width * (columns["num_heads"] + columns["num_key_value_heads"])


KIND = Kind(
    name="context_attention",
    title="flash attention, prefill",
    section="attention",
    columns=(Column("batch_size"), Column("isl"), Column("num_heads"), Column("num_key_value_heads"), Column("head_dim")),
    family=("num_heads", "num_key_value_heads", "head_dim"),
    fitted={"overlap": (0.2, 2.0)},
    predict=predict,
    work=work,
)
"""`start` and `stream` are fitted on decode steps, where they show: `generation_kind`."""
