"""What a call among kept positions is expected to cost by each of its kernels: on all positions, or on kept ones, packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..compiler.calls import array_of, enter_calls, node_calls, pack_calls, packed_calls, unpacked_calls
from ..compiler.cost import Cost, Price
from ..compiler.ir import Node
from ..compiler.ops import OPS
from ..compiler.planning.packing import packs, packs_rows
from ..compiler.types import TensorType
from ..compiler.work import Dims, bare_symbol, call_dims

if TYPE_CHECKING:
    from .kernel_costs import Estimate

FULLEST = 1.25
"""How many times as much as the mean the fullest sample is expected to keep, where samples do not keep as many."""


def packed_prices(estimate: Estimate, apply: Node, dims: Dims, share: float) -> dict[str, Price]:
    """By kernel. On all positions only, where it cannot be said what is kept, or of how many."""
    body, inner = apply.attrs["body"], call_dims(apply, dims)
    entered = estimate.model.price(enter_calls(apply))
    prices = {"dense": entered + estimate.price(body, inner, share)}
    selects, length = behind(estimate, apply.operands[-2]), bare_symbol(body.inputs[0].shape[1])
    if not packs(apply) or len(selects) != 1 or not length or not isinstance(apply.type, TensorType):
        return prices
    kept = estimate.kept(selects[0], dims)
    counted = all(rule.kind in ("top", "first") for rule in selects[0].attrs["rules"])
    sizes = {"padded": min(1.0, kept * (1.0 if counted else FULLEST))}
    sizes |= {"gather": kept} if packs_rows(apply) else {}
    for kernel, part in sizes.items():
        before, after, apart = _around(estimate, apply, dims, share, kept, part, kernel == "gather")
        few: Dims = {**inner, length: inner[length] * part}  # type: ignore[dict-item]
        made = estimate.price(body, few, share) + Price(apart.device, apart.host)
        prices[kernel] = estimate.model.price(before) + entered + made + estimate.model.price(after)
    return prices


def behind(estimate: Estimate, mask: Node) -> list[Node]:
    """The selections that a mask is made from, also outside of the outlined part that it is handed to."""
    found, ahead, seen = dict[Node, None](), [mask], set[Node]()
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.add(one)
        if one.op == "select":
            found[one] = None
        elif one.op == "input":
            ahead += [estimate.given[one]] if one in estimate.given else []
        elif one.op in OPS or one.op == "field":
            ahead += one.operands
    return list(found)


def _around(
    estimate: Estimate, apply: Node, dims: Dims, share: float, kept: float, part: float, rows: bool
) -> tuple[list[Cost], list[Cost], Price]:
    """Packing what is given, putting back what is made; and what attention takes besides where it goes sample by sample."""
    how = estimate.model.how
    given = [array_of(one.tensor, dims, share, how) for one in apply.operands if isinstance(one.type, TensorType)]
    samples, length = given[0].shape[:2]
    total, fullest = kept * samples * length, part * length
    before = pack_calls(samples, length, total, how, rows=rows)
    for one in given:
        if one.shape[:2] == (samples, length):
            before += packed_calls(one, fullest, total, how, rows=rows)
    behind = unpacked_calls(array_of(apply.tensor, dims, share, how), fullest, total, how, rows=rows)
    own = [node for node in apply.attrs["body"].nodes if node.op == "attention"] if rows else []
    each = sum(len(node_calls(node, call_dims(apply, dims), share, how)) for node in own)
    return before, behind, estimate.model.price([Cost(0, 0, each * max(0.0, samples - 1))])
