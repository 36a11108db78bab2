"""The registry of meanings: for each op a function of arrays and resolved attributes.

A meaning takes the operands by position (those of an op with `slots` by slot name) and the attributes by keyword, with every size
an integer already. Floats come and go as float64, integers as int64, truth values as bool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Function = TypeVar("Function", bound=Callable[..., Array])

MEANING: dict[str, Callable[..., Array]] = {}


def means(op: str) -> Callable[[Function], Function]:
    """Registers the meaning of `op`."""

    def register(function: Function) -> Function:
        assert op not in MEANING, f"two meanings of {op}"
        MEANING[op] = function
        return function

    return register


def standard(value: Any, dtype: str) -> Array:
    """A value as the reference holds it: any float type as float64, any integer type as int64, bool as bool."""
    kind = np.bool_ if dtype == "bool" else np.int64 if dtype.startswith("i") else np.float64
    return np.asarray(value).astype(kind, copy=False)
