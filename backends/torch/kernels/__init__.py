"""What the emitted modules call beyond torch: plain functions of tensors, each readable by itself (and pasted so).

Every function uses only torch, `F`, `math` and other kernels, and no Python branch looks at data, so that fx, `torch.export` and
`torch.compile(fullgraph=True)` take them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import (
    attending,
    block_attending,
    blocks,
    drawing,
    masking,
    measures,
    own_pairs,
    own_parts,
    packing,
    routing,
    selecting,
    static_masks,
    surrogates,
)

KERNELS: dict[str, Callable[..., Any]] = {
    name: getattr(module, name)
    for module in (
        *(selecting, surrogates, drawing, measures, blocks, masking, static_masks, own_parts),
        *(attending, block_attending, own_pairs, routing, packing),
    )
    for name in module.__all__
}
"""Every kernel function by its name."""
