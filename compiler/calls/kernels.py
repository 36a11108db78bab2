"""Which function describes which kernel of the torch backend: a new kernel needs a row here, and a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import attending, blocks, holding, pruning, routing, selecting


def nothing(*_: Any) -> None:
    """Views, and numbers that Python computes."""


OWN = {
    module: names.split()
    for module, names in (
        (
            selecting,
            "above at_least_f32 fallback_all fallback_last first group keep_all keep_level level_choice load masked order_key "
            "renormalise share straight_through surrogate_above surrogate_levels surrogate_top top top_p ungroup",
        ),
        (
            blocks,
            "any_blocks bce clamped_log count_up expand_blocks hash_mod kl one_hot pairs pool_blocks shift_right split_blocks "
            "splitmix uniform",
        ),
        (
            attending,
            "attention attention_logits block_attention block_pairs causal_attention causal_mask chosen_blocks finite_rows "
            "gated_attention late_attention masked_attention own_block_attention repeat_heads rope",
        ),
        (
            pruning,
            "block_linear kept_parts masked_head_attention own_head_attention own_linear packed_rows part_rows scatter_parts",
        ),
        (routing, "fuse_dense fuse_kept fuse_terms mean_of_kept scatter_rows share_of_kept weighted_rows"),
    )
}
"""Kernels that a function of the same name describes."""

KERNELS: dict[str, Callable[..., Any]] = {
    **{name: getattr(module, name) for module, names in OWN.items() for name in names},
    "wrapped": nothing,
    "with_absent": nothing,
    **dict.fromkeys(("masked_linear", "masked_heads", "masked_conv1d", "masked_conv2d"), pruning.masked_product),
    **dict.fromkeys(("packed_linear", "packed_heads", "packed_conv1d", "packed_conv2d"), pruning.packed_product),
    "own_heads": pruning.own_linear,
    **dict.fromkeys(("own_conv1d", "own_conv2d"), pruning.own_convolution),
    "block_weight_linear": pruning.block_linear,
    "dispatch": routing.dispatch_calls,
    **dict.fromkeys(("take", "take_each", "take_left"), routing.gather_calls),
    **dict.fromkeys(("combine", "sum_of_few"), routing.combine_calls),
    "split_rows": routing.split_calls,
    "rung_mask": routing.rung_mask_calls,
    **dict.fromkeys(("pack", "pack_rows"), holding.pack_calls),
    **dict.fromkeys(("packed", "sample_of"), holding.packed_calls),
    "unpacked": holding.unpacked_calls,
}
"""Every kernel of the torch backend by its name."""
