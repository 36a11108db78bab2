"""The log of a call: the steps of a plan that ran, in order, with the rows they ran on. The torch backend writes it from what it
executed, the simulator from what it timed; for the same decisions the two are equal."""

from __future__ import annotations

from dataclasses import dataclass

from .plan import Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that ran.

    - `path`: the call path of the body it stands in, as `call_path` builds it ("" in the outer graph, `expert.3.` in a member).
    - `step`, `kind`: the id and kind of the step in the plan.
    - `rows`, by kind: of `dispatch`, `each` and `combine` on kept positions, how many each of the step's ways has (zero is said);
      of `probe` (held, asked for); of the `compute` and `remember` of a cached part, the rows that were not held; of `branch`
      (1,) where the guard held, else (0,). Of a ladder: the rows that are left for a rung's `dispatch` and `each`, those that
      it keeps for what only its value needs, those that each rung keeps for the `combine`. Empty for a step that runs on all
      positions of its body.

    A step that does nothing because none of what it is `wanted` by was kept has no entry, nor has the `release` of what is not
    held, the `compute` of a part of which all rows are held, or anything in the body of a way that has no rows. Members that
    run together are one step: their bodies have no entries. Nor have hoisted ones, which were computed before the call.
    """

    path: str
    step: int
    kind: Kind
    rows: tuple[int, ...] = ()


StepLog = tuple[Entry, ...]
