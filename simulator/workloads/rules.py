"""What the rules of a selection allow: how many ways a decision keeps, or how many decisions a way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...compiler.dims import evaluate
from ...compiler.ir import Node
from ...compiler.selection import Share
from ...compiler.work import Dims

UNSURE = 0.5
"""The kept share of a rule that only a run can tell, unless a workload says another."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """At most one of these is told; none: each way is kept or not by itself.

    - `each`: every decision keeps so many ways;
    - `quota`: every way keeps this share of its decisions (experts that choose their tokens);
    - `share`: of all that is ranked together, this much is kept.
    """

    each: int = 0
    quota: float = 0.0
    share: float = 0.0
    most: int = 0
    """Where decisions keep as many or fewer: at most so many ways."""


def allowed(select: Node, dims: Dims) -> Allowed:
    """What the rules of a selection say of any input."""
    attrs = select.attrs
    rules, ways = attrs["rules"], select.selection.kept.shape[-1]
    last = rules[-1]
    if attrs["levels"] or last.kind not in ("top", "first", "all"):
        return Allowed()
    sure = len(rules) == 1 and "allowed" not in attrs["slots"]
    if last.kind == "all":
        return Allowed(each=ways if isinstance(ways, int) else 0) if sure else Allowed()
    group = math.prod(evaluate(select.selection.kept.shape[axis], dims) for axis in last.over)
    amount = min(group, last.amount.count(group) if isinstance(last.amount, Share) else last.amount)
    if last.over == (-1,):
        exact = sure or (len(rules) == 1 and last.kind == "top") or (amount == 1 and attrs["fallback"] == ("last",))
        return Allowed(each=amount) if exact else Allowed(most=amount)
    if -1 not in last.over:
        return Allowed(quota=amount / group) if sure else Allowed()
    return Allowed(share=amount / group) if sure else Allowed()
