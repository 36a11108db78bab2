"""Tables of measured decode attention: one query a sequence against a paged cache (vLLM)."""

from __future__ import annotations

import numpy as np

from ..compiled import kernel
from ..kinds import Kind, Seconds
from ..tables import Column, Columns
from ..target import Target
from .attention_decode import decode_parts
from .attention_tiles import Card
from .card import card_of


@kernel
def generation_rows(card: Card, batch: Seconds, keys: Seconds, heads: Seconds, kv_heads: Seconds, width: Seconds) -> Seconds:
    """Seconds of each row."""
    seconds = np.empty(len(batch))
    for row in range(len(batch)):
        w = width[row]
        seconds[row] = decode_parts(card, batch[row], heads[row], kv_heads[row], 1.0, keys[row], w, w, 1.0, True)[0]
    return seconds


def predict(target: Target, columns: Columns) -> Seconds:
    """Seconds of each row on a target, in bf16. `step` tokens are in the cache when the kernel reads it."""
    names = ("batch_size", "step", "num_heads", "num_key_value_heads", "head_dim")
    return np.asarray(generation_rows(card_of(target), *(columns[name] for name in names)))


def work(columns: Columns) -> tuple[Seconds, Seconds]:
    """Multiply-adds and bytes of each row: two products; queries, keys, values and results once."""
    width, heads = columns["head_dim"], columns["num_heads"]
    pairs = columns["batch_size"] * columns["step"]
    return 2 * pairs * heads * width, 4 * width * (pairs * columns["num_key_value_heads"] + columns["batch_size"] * heads)


KIND = Kind(
    name="generation_attention",
    title="flash attention, decode",
    section="attention",
    columns=(Column("batch_size"), Column("step"), Column("num_heads"), Column("num_key_value_heads"), Column("head_dim")),
    family=("num_heads", "num_key_value_heads", "head_dim"),
    fitted={"start": (2e-7, 2e-5), "stream": (2e9, 2e12)},
    predict=predict,
    work=work,
)
