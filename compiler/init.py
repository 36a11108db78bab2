"""How parameters start: by a generator keyed by the seed and the parameter's own path, so that no other parameter moves them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dims import Dim
from .ir import Parameter

KINDS = {
    "f64": np.float64,
    "f32": np.float32,
    "bf16": np.float32,
    "f16": np.float32,
    "i64": np.int64,
    "i32": np.int32,
    "bool": np.bool_,
}


def initial(parameter: Parameter, seed: int) -> NDArray[Any]:
    """The first value of a parameter or state, in its shape and dtype (float32 for the half types, which NumPy has only in part).

    `("uniform", bound)` draws from U(-bound, bound), `("normal", std)` from N(0, std²), both with Philox (Salmon et al., 2011)
    keyed by SHA-256 of seed and path; `("constant", value)` fills. `ValueError` where a size is not known before the run.
    """
    shape = tuple(_known(parameter, size) for size in parameter.type.shape)
    kind, value = parameter.init
    dtype = KINDS[parameter.type.dtype]
    if kind == "constant":
        return np.full(shape, value, dtype=dtype)
    generator = np.random.Generator(np.random.Philox(key=_key(parameter.path, seed)))
    if kind == "uniform":
        return generator.uniform(-value, value, shape).astype(dtype)
    if kind == "normal":
        return (generator.standard_normal(shape) * value).astype(dtype)
    raise ValueError(f"`{parameter.path}` starts in no known way: {kind}")


def _key(path: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{path}".encode()).digest()[:16], "little")


def _known(parameter: Parameter, size: int | Dim) -> int:
    if isinstance(size, int):
        return size
    raise ValueError(f"`{parameter.path}` has the size {size}, which is not known before the run")
