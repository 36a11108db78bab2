"""`batch_norm`: a row of the op table in eval, composed of batch statistics in training."""

from __future__ import annotations

from typing import Any

from ...compiler.ops import Implicit
from . import build
from .arguments import Arguments
from .env import Env
from .statements import set_next
from .values import Outer, Tensor


def batch_norm(arguments: Arguments) -> Tensor:
    """Normalised over all but the channels: by the batch in training (which moves the running statistics), by those in eval."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "eps", "momentum"])
    x = arguments.tensor(bound, "x")
    eps, momentum = arguments.number(bound, "eps", 1e-5), arguments.number(bound, "momentum", 0.1)
    channel = 1 - x.type.rank if x.type.rank > 2 else -1
    size = x.shape[channel] if x.type.rank > 1 else None
    if not isinstance(size, int):
        raise env.error("CC0305", f"`batch_norm` needs [B, C, …] with a known number of channels, found `{x.type}`", span)
    path = env.numbered("batch_norm")
    dtype = x.type.dtype
    weight = build.parameter(env, path, Implicit("weight", (size,), ("constant", 1.0)), dtype, span)
    bias = build.parameter(env, path, Implicit("bias", (size,), ("constant", 0.0)), dtype, span)
    mean = build.parameter(env, path, Implicit("running_mean", (size,), ("constant", 0.0)), dtype, span, "state")
    var = build.parameter(env, path, Implicit("running_var", (size,), ("constant", 1.0)), dtype, span, "state")
    if not env.program.training:
        return build.op(env, "batch_norm", [x, mean, var, weight, bias], {"axis": channel, "eps": eps}, span)
    env.unit.batch_norms.append(span)
    outers = {outer.path: outer for outer in env.unit.declared}
    return _batch_statistics(
        env, x, channel, [weight, bias], [outers[f"{path}.running_{k}"] for k in ("mean", "var")], eps, momentum, span
    )


def _batch_statistics(
    env: Env, x: Tensor, channel: int, affine: list[Tensor], running: list[Outer], eps: float, momentum: float, span: Any
) -> Tensor:
    rank, dtype = x.type.rank, x.type.dtype
    axes = tuple(place for place in range(-rank, 0) if place != channel)

    def op(name: str, *operands: Tensor, **attrs: Any) -> Tensor:
        return build.op(env, name, list(operands), attrs, span)

    def const(value: float) -> Tensor:
        return build.constant(env, value, dtype, span)

    def beside(v: Tensor) -> Tensor:
        for _ in range(-channel - 1):
            v = op("unsqueeze", v, axis=-1)
        return v

    mean = op("mean", x, axes=axes, keepdims=True)
    centred = op("sub", x, mean)
    var = op("mean", op("mul", centred, centred), axes=axes, keepdims=True)
    normal = op("div", centred, op("sqrt", op("add", var, const(eps))))
    counted = tuple(size if place - rank != channel else 1 for place, size in enumerate(x.shape))
    n = op("sum", op("ones", shape=counted, dtype=dtype), axes=tuple(range(-rank, 0)), keepdims=False)
    unbiased = op("mul", var, op("div", n, op("maximum", op("sub", n, const(1.0)), const(1.0))))
    for outer, now in zip(running, (mean, unbiased)):
        flat = op("stop_gradient", op("reshape", now, shape=(x.shape[channel],)))
        old = env.unit.reach(outer, span)
        set_next(env, outer, op("add", op("mul", old, const(1 - momentum)), op("mul", flat, const(momentum))), span)
    return op("add", op("mul", normal, beside(affine[0])), beside(affine[1]))
