"""What a `select` node says: the rules that keep some of what was scored. The meaning is here, in words, for every backend.

A select has a score `S` of shape `[decisions…, parts]` and named operands (`slots`). Its attributes:

- `path`: its name in the call path (`gate`, `live.3`), under which decisions are recorded and replayed;
- `also` (absent where there are none): paths of other selections that decide the same and are this one now. Decisions are
  recorded under all of them. To replay them they must agree: replayed otherwise, they would not be one selection;
- `recorded` (absent or True): it is recorded though nothing may read it: what it decides is known, and stands elsewhere;
- `kind`: `"router"` or `"mask"`; `grain`: `""` for a router, else `neuron channel head weight pair block`; `block`: the sizes
  of the blocks of a `block` grain, else `()`;
- `slots`: what each operand is. `score` always first. `weight`: the weights before keeping, in the score's shape. `allowed`:
  what `within` leaves, bool, in the score's shape. `coverage`: softmax(score), for the fallback. `of.N`, `threshold.N`:
  operands of rule N. `level`: scores with a last dimension of levels, of which the argmax (lowest index first) picks the
  level; then `score` is the value that ranks. `allowed_gate`: the gate of the selection in `within`, for straight-through in
  training;
- `rules`: a tuple of `Rule`, each seeing only what the one before kept. With `levels` (their names, else `()`), rule i is
  level i's: each sees the whole row, and a part is kept if its own level's rule keeps it;
- `fallback`: `()`, `("all", c)` (every allowed way where the kept share of `coverage` is below c) or `("last",)` (the last
  way, where nothing was kept);
- `renormalise`: weights are divided by their kept sum over the last axis (0 where nothing is kept);
- `train`: `"hard"`, or `"straight_through"` in a training graph; `cache`: `()` or `("exact", entries)`, `("fingerprint",
  bits, entries)`;
- `kernel`, of a mask only and seldom there: how the products under it leave out what is absent, as `kernels.py` says.

Results, as `field`s: `score`; `kept` (bool, the shape of the score); `weight` (`where(kept, weight, 0)`); `load` (how many
decisions kept each way: the sum of `kept` over all but the last axis, in the weight's dtype); `first` (what the first rule
kept, bool); `gate` (`kept` as 0 or 1 in the weight's dtype, which in training under straight-through has the surrogate's
gradient).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from .ir import Node


@dataclass(frozen=True, slots=True)
class Share:
    """A share of all positions ranked together (of what `within` allows): `ceil(value · n)`, at least 1.

    The product is lowered by 1e-9 before rounding up, so that 35% of 20 is 7 in floating point too.
    """

    value: float

    def count(self, total: int) -> int:
        return max(1, math.ceil(self.value * total - 1e-9))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a keep chain.

    - `top`: the `amount` best by `of` of what is still eligible, in each group of positions ranked together (`over`, axes
      counted from the end, row-major); ties go to the lower index, NaN ranks below −∞;
    - `first`: the `amount` first by index;
    - `above`: those whose `of` is strictly above the threshold (`limit`, or the operand in slot `threshold.N`); NaN never;
    - `top_p`: in descending order of `of` (as for `top`), those before which the running sum is below `limit` (or threshold);
    - `all`: all that are eligible.

    `of` names a slot (`score`, `weight`, `of.N`); for `first` and `all` it is "score" and not read.
    """

    kind: Literal["top", "first", "above", "top_p", "all"]
    over: tuple[int, ...] = (-1,)
    amount: int | Share = 0
    limit: float | None = None
    of: str = "score"
    threshold: str = ""


def paths_of(select: Node) -> tuple[str, ...]:
    """All paths that a `select` decides for, its own first."""
    return (str(select.attrs["path"]), *select.attrs.get("also", ()))


def keeps_all(select: Node) -> bool:
    """Whether a selection says that it keeps everything: then nothing is absent."""
    attrs = select.attrs
    return not attrs.get("levels") and "allowed" not in attrs["slots"] and all(rule.kind == "all" for rule in attrs["rules"])


FIELDS = ("score", "weight", "kept", "load", "first", "gate")
GRAINS = ("neuron", "channel", "head", "weight", "pair", "block")
