"""For each op, the Python expression that a person would write for it.

`EXPRESSIONS[op](node, operands, size)` gives text from the texts of the operands (atoms: a name, a call, or something in
parentheses) and from `size`, which spells a run-time size. The text is an atom too; `bare` takes off parentheses that an
assignment does not need.

Names that a text may use besides its operands: `torch`, `F`, any kernel, `LIKE` (some floating value or parameter of the body,
for dtype and device: what the spec calls f32 is the dtype of the module), and `ctx` (`ctx.uniform(x, path)` draws).
"""

from __future__ import annotations

from . import arrangement, attention, elementwise, products, reductions
from .fusion import Fusion, fusion
from .writing import LIKE, Expression, bare

__all__ = ["EXPRESSIONS", "LIKE", "Expression", "Fusion", "bare", "fusion"]

EXPRESSIONS: dict[str, Expression] = {
    **elementwise.EXPRESSIONS,
    **products.EXPRESSIONS,
    **reductions.EXPRESSIONS,
    **arrangement.EXPRESSIONS,
    **attention.EXPRESSIONS,
}
