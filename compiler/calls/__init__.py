"""The work of every op and every kernel of the torch backend, as calls: one `Cost` with its shape for each kernel that torch
launches eagerly. Passes choose by them, the simulator times them, and there is no other description.

A call's multiply-adds are those of products and nothing else, its bytes what it reads and writes if nothing stays in a cache.
Sizes are whole numbers where a run decided them, fractions where they are expected. What torch gives as a view is no call.

| of | calls |
| --- | --- |
| an op, `select`, `field`, a `fuse` computed densely | `node_calls(node, dims, share=1, how)` |
| entering the body of a chunk's call | `enter_calls(apply)` |
| the rows of each way | `dispatch_calls(decisions, ways, kept, how, finer=)` |
| arguments on these rows | `gather_calls(arguments, axes, loads, how, together=)` |
| an array's members on the rows of all of them | `grouped_calls(body, axes, loads, dims, how)` |
| the ways put together | `combine_calls(loads, row, decisions, how, kind=, finer=)` |
| a product under a mask, by kernel | `masked_calls(node, select, Kept(…), dims, share, how)` |
| one rung of a ladder; its decision | `split_calls(rows, kept, how, first=)`, `rung_mask_calls(loads, decisions, how)` |
| a cached part, before and behind what it computes | `cached_calls(keys, hits, values, how)` |
| packed positions | `pack_calls`, `packed_calls` (of each argument), `unpacked_calls` |
| a chunk that is moved | `move_calls(bytes, source, destination)` |

`dims` are sizes by name, `share` is which part of its positions a node runs on (its parameters are read whole), `loads` are the
rows of each way, `how` is the dtype and kind of device that the module runs on. `array_of(type, dims, share, how)` makes the
arrays that some of them ask for. The body of an `apply` is walked by the caller, with its own dims. The calls of a product under
a mask stand for the nodes of `covered(product, readers)` too; which of them torch runs `kernel_used(product, select, hoisted)`
says.
"""

from __future__ import annotations

from ..cost import How
from .holding import cached_calls, move_calls, pack_calls, packed_calls, probe_calls, remember_calls, unpacked_calls
from .masking import covered, kernel_used, masked_calls
from .nodes import array_of, enter_calls, is_number, node_calls
from .pruning import Kept
from .routing import combine_calls, dispatch_calls, fuse_dense, gather_calls, grouped_calls, rung_mask_calls, split_calls
from .rows import ROWS
from .tape import EAGER, Array, Tape

__all__ = [
    "EAGER",
    "ROWS",
    "Array",
    "How",
    "Kept",
    "Tape",
    "array_of",
    "cached_calls",
    "combine_calls",
    "covered",
    "dispatch_calls",
    "enter_calls",
    "fuse_dense",
    "gather_calls",
    "grouped_calls",
    "is_number",
    "kernel_used",
    "masked_calls",
    "move_calls",
    "node_calls",
    "pack_calls",
    "packed_calls",
    "probe_calls",
    "remember_calls",
    "rung_mask_calls",
    "split_calls",
    "unpacked_calls",
]
