"""Counts the multiply-adds of the matrix products that torch really runs."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


def _attention(q: Any, k: Any, v: Any, *args: Any, **kwargs: Any) -> int:
    """Operations of attention over shapes `q`, `k`, `v`; two a multiply-add."""
    return int(sdpa_flop_count(q, k, v))


FORMULAS = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}
"""What torch's own table lacks: the CPU kernel behind `scaled_dot_product_attention`."""


class MacCounter(FlopCounterMode):
    """`with MacCounter() as counter: module(x)`; then `counter.macs`."""

    def __init__(self) -> None:
        super().__init__(display=False, custom_mapping=FORMULAS)

    @property
    def macs(self) -> int:
        """Multiply-adds of all products so far: a product of [n, k] and [k, m] counts n·k·m."""
        return int(self.get_total_flops()) // 2
