"""Stored tensors as arrays, for the reference: read whole, when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiler.loading.places import TensorPlace

KINDS = {"f64": "<f8", "f32": "<f4", "f16": "<f2", "bf16": "<u2", "i64": "<i8", "i32": "<i4", "bool": "?"}
"""How elements of each dtype of the language lie in a blob."""


def array_of(place: TensorPlace) -> NDArray[Any]:
    """A tensor's values; bf16 as f32. `OSError` where its file cannot be read, `ValueError` where it ends too soon."""
    with open(place.blob.path, "rb") as file:
        file.seek(place.start)
        data = file.read(place.bytes)
    if len(data) < place.bytes:
        raise ValueError(f"`{place.blob.path}` ends before the tensor at {place.start:,} does")
    found = np.frombuffer(data, dtype=KINDS[place.dtype]).reshape(place.shape)
    return (found.astype(np.uint32) << 16).view(np.float32) if place.dtype == "bf16" else found
