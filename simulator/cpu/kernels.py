"""Which measured kernel stands for a call: its own, or that of one which does the same to memory and to the arithmetic units."""

from __future__ import annotations

ALIKE: dict[str, str] = {
    **dict.fromkeys(("sub", "masked", "shift", "bitwise", "xor"), "add"),
    **dict.fromkeys(("square", "sign"), "mul"),
    **dict.fromkeys(("ceil",), "abs"),
    **dict.fromkeys(("cos", "sin"), "exp"),
    **dict.fromkeys(("minimum", "clamp"), "maximum"),
    **dict.fromkeys(("rsqrt", "log1p"), "sqrt"),
    **dict.fromkeys(("mod",), "div"),
    **dict.fromkeys(("ge", "lt", "le", "eq", "ne", "isnan", "isfinite"), "gt"),
    **dict.fromkeys(("or", "not"), "and"),
    **dict.fromkeys(("concat", "stack", "pairs", "reshape", "flip", "repeat", "slice", "pad"), "copy"),
    **dict.fromkeys(("permute",), "merge_heads"),
    **dict.fromkeys(("all",), "any"),
    **dict.fromkeys(("max_pool1d",), "max_pool2d"),
    **dict.fromkeys(("avg_pool1d",), "avg_pool2d"),
    **dict.fromkeys(("mean", "norm", "load"), "sum"),
    **dict.fromkeys(("min",), "max"),
    **dict.fromkeys(("l2_norm", "rms_norm", "group_norm"), "layer_norm"),
    **dict.fromkeys(("ones", "range", "full", "arange", "uniform"), "zeros"),
}
"""Ops that are measured by another's kernel."""

ELSE = {"pointwise": "mul", "reduction": "sum"}
"""What an op that is not known is taken for."""
