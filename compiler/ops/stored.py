"""What lies outside of the graph: a stored body that something else runs, and which chunks can be had at all.

Elaboration makes both; a spec says `extern(…)` and `on_missing`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Dim
from ..ir import Attrs
from ..types import TensorType
from .table import Arg, Op, ShapeError, Types, Work, traffic

RUNNERS = ("onnx", "pt2", "py")


def _infer_foreign(types: Types, attrs: Attrs) -> TensorType:
    if attrs["kind"] not in RUNNERS:
        raise ShapeError(f"`foreign` is run by one of {', '.join(RUNNERS)}, not by `{attrs['kind']}`")
    if attrs["bytes"] < 0:
        raise ShapeError(f"`foreign` takes a number of bytes, not {attrs['bytes']}")
    if not types:
        raise ShapeError("`foreign` takes at least one value")
    return TensorType(attrs["dtype"], tuple(attrs["shape"]))


def _foreign_rows(rows: Sequence[int | None], types: Types, attrs: Attrs, result: TensorType) -> int:
    """Nothing is known of it but its signature: samples are apart, all else may mix."""
    first = result.shape[:1]
    alike = all(row is None or (row > 0 and type.shape[:1] == first) for row, type in zip(rows, types))
    return 1 if alike and first and isinstance(first[0], Dim) else 0


def _foreign_work(types: Types, attrs: Attrs, result: TensorType) -> Work:
    """What it multiplies and reads is not known; its result is written."""
    return Work(0, traffic((), result))


def _infer_present(types: Types, attrs: Attrs) -> TensorType:
    if not attrs["chunks"]:
        raise ShapeError("`present` names at least one chunk")
    return TensorType("bool", (len(attrs["chunks"]),))


OPS = (
    Op(
        "foreign",
        (
            Arg("inputs", "values", required=True),
            Arg("kind", "string", required=True),
            Arg("handle", "string", required=True),
            Arg("bytes", "int", required=True),
            Arg("shape", "sizes", required=True),
            Arg("dtype", "dtype", "f32"),
            Arg("requires", "strings", ()),
            Arg("isolated", "bool", False),
        ),
        _infer_foreign,
        "The stored body of an `extern` chunk that something else runs (`onnx:`, `pt2:`, `py:`), with the type that its "
        "signature declares. Samples are apart.",
        work=_foreign_work,
        rows=_foreign_rows,
        shaped=True,
        outside=True,
        written=False,
    ),
    Op(
        "present",
        (Arg("chunks", "strings", required=True),),
        _infer_present,
        "For each of these stored chunks (by path; `^` for each frame further out) whether it can be had in this call: what "
        "`on_missing` becomes.",
        outside=True,
        written=False,
    ),
)
