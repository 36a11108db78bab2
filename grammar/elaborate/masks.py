"""Masks where they are used on weights and activations: what is absent is 0 there."""

from __future__ import annotations

from ...compiler.diagnostics import Abort
from ...compiler.dims import ceil_divide
from ...compiler.source import Span
from . import build
from .arguments import Arguments
from .env import Env, label
from .expressions import as_tensor
from .fields import Fields
from .rows import Bound, bind, finish
from .selections import decide, result
from .values import Selected, Tensor, Value, describe

MASKABLE = frozenset({"linear", "conv1d", "conv2d"})


def masked_call(arguments: Arguments) -> Tensor:
    """`linear(w, mask=live)`, `conv2d(…, mask=live)`."""
    env = arguments.env
    given = arguments.named.pop("mask")
    mask = need_mask(env, given.value, given.span)
    bound = bind(arguments)
    if mask.grain in ("weight", "block"):
        return _masked_weight(arguments, bound, mask, given.span)
    y = finish(arguments, bound)
    if mask.grain in ("neuron", "channel"):
        return absent(env, y, mask, -1 if arguments.callee == "linear" else 1 - y.type.rank, given.span)
    raise wrong_grain(env, mask, arguments.callee, "neuron, channel, weight or block", given.span)


def need_mask(env: Env, value: Value, span: Span) -> Selected:
    if not isinstance(value, Selected) or value.kind != "mask":
        raise env.error("CC0418", f"`mask` takes a mask, found {describe(value)}", span, hint="declare one: `mask live { … }`")
    return value


def wrong_grain(env: Env, mask: Selected, op: str, fitting: str, span: Span) -> Abort:
    also = [label(mask.syntax.name.span, "declared here")]
    return env.error(
        "CC0418", f"a mask with grain `{mask.grain}` does not fit `{op}`", span, also=also, hint=f"its grain may be {fitting}"
    )


def masked_form(arguments: Arguments) -> Tensor:
    """`x |> masked(live)`: the absent neurons, channels, heads or elements of an activation are 0."""
    env = arguments.env
    bound = arguments.bind(["x", "mask"])
    x = as_tensor(env, arguments.need(bound, "x").value, arguments.need(bound, "x").span)
    given = arguments.need(bound, "mask")
    if isinstance(given.value, Tensor):
        return build.op(env, "masked", [x, given.value], {}, arguments.span, ("x", "kept"))
    mask = need_mask(env, given.value, given.span)
    if mask.grain == "neuron":
        return absent(env, x, mask, -1, given.span)
    if mask.grain == "channel":
        return absent(env, x, mask, 1 - x.type.rank if x.type.rank > 2 else -1, given.span)
    if mask.grain == "head":
        return absent(env, x, mask, -3, given.span)
    if mask.grain in ("weight", "block"):
        return _with_mask(env, x, mask, _planar(env, mask, x, given.span), given.span)
    raise wrong_grain(env, mask, "masked", "neuron, channel, head, weight or block", given.span)


def absent(env: Env, y: Tensor, mask: Selected, axis: int, span: Span) -> Tensor:
    """`y` with what the mask drops along `axis` (from the end) selected away."""
    kept = result(env, mask, "kept", span)
    decisions = kept.type.rank - 1
    fits = y.type.rank >= -axis and kept.shape[-1] == y.shape[axis] and kept.shape[:-1] == y.shape[:decisions]
    if not fits or decisions > y.type.rank + axis:
        also = [
            label(mask.syntax.name.span, f"the mask decides `{kept.type}`"),
            label(y.node.span, f"`{y.type}` comes from here"),
        ]
        raise env.error("CC0419", f"the mask's parts `{kept.type}` are not those of `{y.type}`", span, also=also)
    return _with_mask(env, y, mask, lambda x: _beside(env, x, axis, y.type.rank, span), span)


def _beside(env: Env, x: Tensor, axis: int, rank: int, span: Span) -> Tensor:
    for _ in range(-axis - 1):
        x = build.op(env, "unsqueeze", [x], {"axis": -1}, span)
    return build.aligned(env, x, -axis, rank, span)


def _with_mask(env: Env, y: Tensor, mask: Selected, fit: object, span: Span) -> Tensor:
    assert callable(fit)
    operands = [y, fit(result(env, mask, "kept", span))]
    slots = ["x", "kept"]
    if mask.straight_through:
        gate = result(env, mask, "gate", span)
        if gate.type.dtype != y.type.dtype:
            gate = build.op(env, "cast", [gate], {"dtype": y.type.dtype}, span)
        operands.append(fit(gate))
        slots.append("gate")
    return build.op(env, "masked", operands, {}, span, slots)


def _planar(env: Env, mask: Selected, weight: Tensor, span: Span) -> object:
    """How a mask over weights or blocks of them fits a weight `[out, in]`; a block mask is decided here."""
    if weight.type.rank < 2:
        raise env.error("CC0419", f"`{weight.type}` has no rows and columns to mask", span)
    shape = tuple(weight.shape[-2:])
    if mask.grain == "block":
        decide_blocks(env, mask, shape, span)
    node = mask.node
    assert node is not None
    kept = node.selection.kept
    wanted = tuple(ceil_divide(size, block) for size, block in zip(shape, mask.block))
    if kept.shape[-2:] != (wanted if mask.grain == "block" else shape):
        also = [
            label(mask.syntax.name.span, f"the mask decides `{kept}`"),
            label(weight.node.span, f"the weight is `{weight.type}`"),
        ]
        raise env.error("CC0419", f"the mask's parts `{kept}` are not those of the weight `{weight.type}`", span, also=also)
    if mask.grain == "block":
        return lambda x: build.op(env, "expand_blocks", [x], {"axes": (-2, -1), "sizes": mask.block, "shape": shape}, span)
    return lambda x: x


def decide_blocks(env: Env, mask: Selected, shape: tuple[object, ...], span: Span) -> None:
    """Decide a block mask for a weight of this shape: one entry a block, finer scores averaged in."""
    if mask.pending is None:
        return
    fields: Fields = mask.pending
    fields.over = (-2, -1)
    fields.score = pooled(fields.env, fields.score, mask.block, shape, (-2, -1), span)
    fields.weight = fields.score
    mask.pending = None
    decide(mask, fields, {})


def pooled(
    env: Env, score: Tensor, block: tuple[int, int], shape: tuple[object, ...], axes: tuple[int, int], span: Span
) -> Tensor:
    """Scores at block resolution: as they are, or averaged from one a part."""
    found = tuple(score.shape[axis] for axis in axes) if score.type.rank >= -axes[0] else ()
    if found == tuple(ceil_divide(size, n) for size, n in zip(shape, block)):  # type: ignore[arg-type]
        return score
    if found == tuple(shape):
        return build.op(env, "pool_blocks", [score], {"axes": axes, "sizes": block}, span)
    raise env.error(
        "CC0419",
        f"the scores `{score.type}` are neither one a part nor one a block of [{shape[0]}, {shape[1]}]",
        span,
        also=[label(score.node.span, "the score comes from here")],
    )


def _masked_weight(arguments: Arguments, bound: Bound, mask: Selected, span: Span) -> Tensor:
    env, weight = arguments.env, bound.operands["weight"]
    if arguments.callee != "linear":
        raise wrong_grain(env, mask, arguments.callee, "channel", span)
    fit = _planar(env, mask, weight, span)
    assert mask.node is not None
    if mask.node.selection.kept.rank == 2:
        bound.operands["weight"] = _with_mask(env, weight, mask, fit, span)
        return finish(arguments, bound)
    return _weight_per_decision(arguments, bound, mask, fit, span)


def _weight_per_decision(arguments: Arguments, bound: Bound, mask: Selected, fit: object, span: Span) -> Tensor:
    """A weight of its own for each decision: `y[b…, o] = Σᵢ x[b…, i] w[b, o, i]`."""
    env, x, weight = arguments.env, bound.operands["x"], bound.operands["weight"]
    assert mask.node is not None
    decisions = mask.node.selection.kept.shape[:-2]
    if x.shape[: len(decisions)] != decisions or len(decisions) >= x.type.rank:
        also = [
            label(mask.syntax.name.span, f"the mask decides `{mask.node.selection.kept}`"),
            label(x.node.span, f"`{x.type}` comes from here"),
        ]
        raise env.error("CC0419", f"the mask's decisions are not those of `{x.type}`", span, also=also)
    wide = build.op(env, "broadcast", [weight], {"shape": (*decisions, *weight.shape)}, span)
    own = _with_mask(env, wide, mask, fit, span)
    letters = "abcdefgh"[: x.type.rank - 1]
    lead = letters[: len(decisions)]
    y = build.op(env, "einsum", [x, own], {"equation": f"{letters}i,{lead}oi->{letters}o"}, span)
    return build.op(env, "add", [y, bound.operands["bias"]], {}, span) if "bias" in bound.operands else y
