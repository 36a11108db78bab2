"""The meaning of `fuse`: kept streams times their weight, put together; absent ones are selected away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .meaning import Array
from .result import Selection


def _beside(x: Array, stream: Array) -> Array:
    """Decisions [D…] ready to broadcast against a stream [D…, rest…]."""
    return x.reshape(x.shape + (1,) * (stream.ndim - x.ndim))


def terms(streams: Sequence[Array], by: Selection | None) -> list[Array]:
    """Each stream times its weight where kept, 0 elsewhere; without a selection, the stream itself."""
    if by is None:
        return list(streams)
    return [
        np.where(_beside(by.kept[..., i], stream), stream * _beside(by.weight[..., i], stream), 0.0)
        for i, stream in enumerate(streams)
    ]


def fuse(kind: str, streams: Sequence[Array], by: Selection | None) -> Array:
    """`sum`, `mean` (over what was kept), `concat` (last axis) or `stack` (a new axis before the last) of the terms."""
    parts = terms(streams, by)
    if kind == "concat":
        return np.concatenate(parts, axis=-1)
    if kind == "stack":
        return np.stack(parts, axis=-2)
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    if kind == "sum":
        return total
    count = np.asarray(float(len(parts))) if by is None else _beside(by.gate.sum(axis=-1), total)
    return np.where(count > 0, total / count, 0.0)
