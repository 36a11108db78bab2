"""Keys of rows: the bytes of what a row depends on, or its fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .tensors import autocast

Signature = tuple[Any, ...]


def signature_of(rows: Sequence[Tensor], bits: int) -> Signature:
    """What two rows must have in common for their bytes to be compared: sizes, dtypes, device, and how products round."""
    return (bits, autocast(rows), rows[0].device, *((row.dtype, tuple(row.shape[1:])) for row in rows))


def keys_of(rows: Sequence[Tensor], bits: int, projections: Projections) -> list[bytes | None]:
    """A key for each row, from each of the tensors [rows, …]; equal keys of equal signature mean equal bytes.

    With `bits`, floating values are told apart by their fingerprint only, others by their bytes; a row with values that are not
    finite has no key."""
    flat = [row.reshape(row.shape[0], -1) for row in rows]
    if not bits:
        return list(_bytes_of(flat))
    floats = [row for row in flat if row.is_floating_point()]
    others = [row for row in flat if not row.is_floating_point()]
    if not floats:
        return list(_bytes_of(others))
    wide = torch.float64 if any(row.dtype == torch.float64 for row in floats) else torch.float32
    joined = torch.cat([row.to(wide) for row in floats], 1)
    signs = joined @ projections.of(joined, bits) > 0
    finite = joined.isfinite().all(1).tolist()
    return [key if well else None for key, well in zip(_bytes_of([signs, *others]), finite)]


def _bytes_of(flat: Sequence[Tensor]) -> list[bytes]:
    """The bytes of each row of tensors [rows, n], one after the other."""
    parts = [part.contiguous().view(torch.uint8) for part in flat if part.shape[1]]
    if not parts:
        return [b""] * flat[0].shape[0]
    joined = torch.cat(parts, 1).cpu()
    size, text = joined.shape[1], joined.numpy().tobytes()
    return [text[start : start + size] for start in range(0, len(text), size)]


class Projections:
    """Random directions, the same for each size and number of bits in every process.

    Two vectors at an angle θ get the same sign for one of them with probability 1 - θ/π (Charikar, 2002, similarity estimation
    techniques from rounding algorithms), whatever their lengths."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], Tensor] = {}

    def of(self, rows: Tensor, bits: int) -> Tensor:
        """Directions [n, bits] for rows [·, n]."""
        key = (rows.shape[1], bits, rows.dtype, rows.device)
        if key not in self.known:
            generator = torch.Generator().manual_seed(rows.shape[1])
            with torch.inference_mode(False):
                drawn = torch.randn(rows.shape[1], bits, generator=generator, dtype=torch.float64)
                self.known[key] = drawn.to(rows.device, rows.dtype)
        return self.known[key]
