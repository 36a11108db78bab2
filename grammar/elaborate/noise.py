"""Noise of training: `dropout`, `jitter`, `uniform`. Each draw has a path, under which it is keyed and replayed."""

from __future__ import annotations

from . import build
from .arguments import Arguments
from .env import Env
from .values import Tensor


def dropout(arguments: Arguments) -> Tensor:
    """In training, each element is absent with probability p and the others are divided by 1 − p (Srivastava et al., 2014)."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "p"])
    x, p = arguments.tensor(bound, "x"), arguments.number(bound, "p", 0.5)
    if not 0 <= p < 1:
        raise env.error("CC0311", f"dropout drops a share from 0 to below 1, found {p:g}", span)
    if not env.program.training or p == 0:
        return x
    u = _uniform(env, x, "dropout", arguments)
    kept = build.op(env, "ge", [u, build.constant(env, p, u.type.dtype, span)], {}, span)
    y = build.op(env, "masked", [x, kept], {}, span, ("x", "kept"))
    return build.op(env, "div", [y, build.constant(env, 1 - p, x.type.dtype, span)], {}, span)


def jitter(arguments: Arguments) -> Tensor:
    """In training, each element times a draw from 1 − eps to 1 + eps (Fedus et al., 2022)."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "eps"])
    x, eps = arguments.tensor(bound, "x"), arguments.number(bound, "eps", 1e-2)
    if not env.program.training or eps == 0:
        return x
    u = _uniform(env, x, "jitter", arguments)
    if u.type.dtype != x.type.dtype:
        u = build.op(env, "cast", [u], {"dtype": x.type.dtype}, span)
    scaled = build.op(env, "mul", [u, build.constant(env, 2 * eps, x.type.dtype, span)], {}, span)
    factor = build.op(env, "add", [scaled, build.constant(env, 1 - eps, x.type.dtype, span)], {}, span)
    return build.op(env, "mul", [x, factor], {}, span)


def _uniform(env: Env, x: Tensor, what: str, arguments: Arguments) -> Tensor:
    return build.op(env, "uniform", [x], {"path": env.numbered(what)}, arguments.span)


def uniform(arguments: Arguments) -> Tensor:
    """Draws in (0, 1), one an element of x."""
    x = arguments.tensor(arguments.bind(["x"]), "x")
    return _uniform(arguments.env, x, "uniform", arguments)
