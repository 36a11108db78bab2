"""Which tiles the libraries' kernels cut a product into, by generation, and what else differs between the generations.

Sources: names of kernels in profiles of cuBLAS. Ampere and Ada: `ampere_bf16_s16816gemm_bf16_128x64_ldg8_f2f_stages_64x4_tn` and
its like; the first number counts features of the output, tiles hold a good part of an SM's shared memory, so one works there at a
time. Hopper: `nvjet_tst_128x256_64x4_1x2_h_bz_coopA_TNT`, `nvjet_tst_64x8_64x16_4x1_v_bz_splitK_TNT`: either side may be the
features, multiples of 64 by multiples of 8; blocks of a cluster (`1x2`) load one operand together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

AMPERE = np.array([(64, 32), (32, 32), (64, 64), (128, 64), (128, 128), (256, 64), (256, 128)], dtype=np.float64)
"""(features, rows) of a tile."""

_WIDE, _NARROW = (64, 128, 192, 256), (8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256)
_BOTH = {(a, b) for a in _WIDE for b in _NARROW if a * b <= 192 * 256 and (b >= 64 or a <= 128)}

HOPPER = np.array(sorted(_BOTH | {(b, a) for a, b in _BOTH}), dtype=np.float64)
"""(features, rows) of a tile. The sums of one larger than 192 by 256 do not fit into the registers of its threads."""


class Generation(NamedTuple):
    """How kernels of a generation work."""

    tiles: NDArray[np.float64]
    """(features, rows)."""
    depth: float
    """Bytes of a row of a tile that one step of its loop takes: the `64x4` or `32x5` in the names, by two bytes."""
    shared: float
    """Blocks that load an operand together: each reads so many times less."""
    ends: float
    """Steps of a tile that overlap nothing: on Hopper threads of their own load the next tile meanwhile."""


GENERATIONS = {"ampere": Generation(AMPERE, 64.0, 1.0, 2.0), "hopper": Generation(HOPPER, 128.0, 2.0, 0.0)}

SPLITS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32], dtype=np.float64)
"""Into how many parts of the depth a product may be cut, whose sums a second kernel adds up."""
