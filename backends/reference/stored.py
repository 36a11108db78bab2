"""What lies outside of the graph: the interpreter is told what a stored body computes, and which chunks cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ...compiler.ir import Frame
from .meaning import Array, means, standard
from .result import RunError

Foreign = Callable[..., Any]
"""Arrays to the array that a stored body gives for them."""


@means("foreign")
def foreign(
    *inputs: Array,
    kind: str,
    handle: str,
    bytes: int,
    shape: tuple[int, ...],
    dtype: str,
    requires: tuple[str, ...],
    isolated: bool,
) -> Array:
    """Nothing is known of it here: `run_foreign` asks whoever knows."""
    raise RunError(f"`{handle}` is no part of the graph: give what it computes, `foreign={{path: function}}`")


@means("present")
def present(*, chunks: tuple[str, ...]) -> Array:
    """Where nothing is missing."""
    return np.ones(len(chunks), dtype=np.bool_)


def run_foreign(given: Mapping[str, Foreign], frame: Frame, inputs: list[Array], attrs: Mapping[str, Any]) -> Array:
    """What the function that is given for a chunk's path says; `RunError` where there is none, or it gives another shape."""
    path = frame.prefix[:-1]
    if path not in given:
        raise RunError(
            f"`{path}` is stored as `{attrs['handle']}`, which the reference does not run: say what it computes by "
            f"foreign={{{path!r}: function of arrays}}"
        )
    result = standard(given[path](*inputs), attrs["dtype"])
    if result.shape != attrs["shape"]:
        raise RunError(f"the function given for `{path}` gives the shape {list(result.shape)}, not {list(attrs['shape'])}")
    return result


def run_present(missing: Collection[str], frame: Frame, chunks: tuple[str, ...]) -> Array:
    """For each chunk whether it can be had; `missing` holds full paths."""
    return np.array([frame.path(chunk) not in missing for chunk in chunks], dtype=np.bool_)
