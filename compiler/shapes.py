"""What kind of work a call to the machine is, with its sizes: what a cost model that knows a machine prices.

Sizes are numbers, whole where a run decided them, and fractions where they are expected. Every shape can be hashed, so prices
can be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """`batch` products [m, k] · [k, n] of one dtype. `window` is above 1 for a convolution that is done as one: how many
    places of the kernel read each input element."""

    m: float
    n: float
    k: float
    batch: float = 1
    dtype: str = "f32"
    window: int = 1


@dataclass(frozen=True, slots=True)
class Grouped:
    """For each way that has rows one product [load, k] · [k, n] with its own weights, in one launch."""

    loads: tuple[float, ...]
    n: float
    k: float
    dtype: str = "f32"


@dataclass(frozen=True, slots=True)
class Attention:
    """softmax(q kᵀ) v with `queries` and `keys` a sequence and head; `kept`: the share of pairs that is computed, in blocks of
    `block` (rows, columns), or one by one (None)."""

    batch: float
    heads: float
    kv_heads: float
    queries: float
    keys: float
    width: float
    value_width: float
    causal: bool = False
    kept: float = 1
    block: tuple[int, int] | None = None
    dtype: str = "f32"


@dataclass(frozen=True, slots=True)
class Pointwise:
    """One op on each element by itself. `op` is its name in the op table; `bytes`: read and written."""

    op: str
    elements: float
    bytes: float
    dtype: str = "f32"


@dataclass(frozen=True, slots=True)
class Reduction:
    """An op along an axis (sums, norms, softmax): `rows` times `length` elements."""

    op: str
    rows: float
    length: float
    bytes: float
    dtype: str = "f32"


@dataclass(frozen=True, slots=True)
class Gather:
    """Rows read by index, or with `scatter` written or added by index."""

    rows: float
    row_bytes: float
    scatter: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """`rows` stable sorts of `length` elements each, with their indices."""

    rows: float
    length: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes moved between two memory levels of a target (`storage`, `host`, `device`)."""

    bytes: float
    source: str = "host"
    destination: str = "device"


Shape = Product | Grouped | Attention | Pointwise | Reduction | Gather | Sort | Transfer
