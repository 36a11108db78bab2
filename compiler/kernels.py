"""Which kernel computes what a selection leaves out: the attribute `kernel` of a `fuse`, of a mask's `select`, or of an `apply`
whose positions see only kept ones (`among`).

It chooses how, never what: every kernel gives the dense meaning over the reals, with nothing absent seen. Without the attribute
the backend takes what suits most: `gather` for a fuse, `padded` for an apply, `union` or `blocks` for a mask. A kernel that
cannot be had at a place (a stream that mixes the positions it is decided on, a mask trained straight through) gives way to
`dense`, which always can.

| of a `fuse` | |
| --- | --- |
| `dense` | all streams everywhere, dropped ones selected away |
| `gather` | each stream on the positions that kept it |
| `grouped` | as `gather`, like streams as one product of stacked weights |

| of an `apply` with `among` | |
| --- | --- |
| `dense` | all positions, which see the kept ones only |
| `padded` | for each sample as many as the fullest keeps, side by side |
| `gather` | the kept positions of all samples one behind the other |

| of a mask | grains | |
| --- | --- | --- |
| `dense` | all | the whole product, absent parts selected away |
| `union` | neuron, channel, head | the parts that any decision of the call keeps |
| `blocks` | block | for each row of blocks as many as the fullest row keeps |
| `gather` | all | for each decision its own parts, and nothing else |
"""

from __future__ import annotations

from collections.abc import Iterator

from .ir import Node
from .ops import OPS

FUSE_KERNELS = ("dense", "gather", "grouped")
AMONG_KERNELS = ("dense", "padded", "gather")
WHOLE = ("dense", "union", "gather")
MASK_KERNELS: dict[str, tuple[str, ...]] = {
    "neuron": WHOLE,
    "channel": WHOLE,
    "head": WHOLE,
    "weight": ("dense", "gather"),
    "pair": ("dense", "gather"),
    "block": ("dense", "blocks", "gather"),
}
"""What may be chosen for a mask, by its grain."""


def kernels_of(node: Node) -> tuple[str, ...]:
    """The kernels that a node may name; none but of a `fuse` with `by`, of a mask's `select`, of an `apply` with `among`."""
    if node.op == "fuse":
        return FUSE_KERNELS if node.attrs["by"] else ()
    if node.op == "apply":
        return AMONG_KERNELS if node.attrs.get("among") else ()
    return MASK_KERNELS.get(str(node.attrs["grain"]), ()) if node.op == "select" else ()


def kernel_problem(node: Node) -> Iterator[str]:
    """What is wrong with the kernel that a node names, in words."""
    if "kernel" in node.attrs and node.attrs["kernel"] not in (known := kernels_of(node)):
        among = f"they are {', '.join(known)}" if known else "nothing is computed by it"
        yield f"`kernel = {node.attrs['kernel']!r}` is no kernel of this `{node.op}`: {among}"


def kernel_of(node: Node) -> str:
    """The kernel that a node names, or ""."""
    return str(node.attrs.get("kernel", ""))


def selections_of(mask: Node) -> list[Node]:
    """The selections that a mask is made from, through ops and fields."""
    seen: set[Node] = set()
    stack, found = [mask], []
    while stack:
        one = stack.pop()
        if one in seen:
            continue
        seen.add(one)
        if one.op == "select":
            found.append(one)
        elif one.op in OPS or one.op == "field":
            stack.extend(one.operands)
    return found


def mask_kernel(mask: Node) -> str:
    """The kernel chosen for the products under a mask: of its one selection; "" where none is chosen, or several meet."""
    chosen = {kernel_of(select) for select in selections_of(mask)}
    return chosen.pop() if len(chosen) == 1 else ""
