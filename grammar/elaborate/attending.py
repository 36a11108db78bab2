"""`attention(q, k, v, mask=…)`: what may be seen, and the masks over pairs that their use decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...compiler.diagnostics import Abort
from ...compiler.dims import ceil_divide
from ...compiler.source import Span
from .. import tree
from . import build, keep
from .arguments import Arguments, Given
from .env import Env, label
from .expressions import as_tensor
from .fields import Fields
from .masks import absent, pooled, wrong_grain
from .selections import decide, result
from .values import Items, Outer, Selected, Tensor, Value, describe


@dataclass(slots=True)
class Use:
    """One call of attention while its masks are sorted out."""

    env: Env
    q: Tensor
    k: Tensor
    v: Tensor
    span: Span
    scale: float | None = None
    causal: bool = False
    bools: list[Tensor] = field(default_factory=list)
    pairs: list[tuple[Selected, Span]] = field(default_factory=list)
    heads: list[tuple[Selected, Span]] = field(default_factory=list)

    @property
    def plane(self) -> tuple[object, object]:
        return self.q.shape[-2], self.k.shape[-2]


def attention(arguments: Arguments) -> Tensor:
    """The call: the op, its masks as one bool operand, masks over heads on its result."""
    env = arguments.env
    bound = arguments.bind(["q", "k", "v", "mask", "scale"])
    q, k, v = (as_tensor(env, arguments.need(bound, name).value, arguments.need(bound, name).span) for name in "qkv")
    use = Use(env, q, k, v, arguments.span, scale=_scale(env, bound.get("scale")))
    for x, name in ((q, "query"), (k, "key"), (v, "value")):
        if x.type.rank != 4:
            also = [label(x.node.span, f"`{x.type}` comes from here")]
            raise env.error(
                "CC0305", f"the {name} must be [B, heads, T, e], found `{x.type}`", use.span, also=also, hint="use `heads(h)`"
            )
    if "mask" in bound:
        _sort(use, bound["mask"])
    _among(use)
    y = _node(use)
    for mask, span in use.heads:
        y = absent(env, y, mask, -3, span)
    return y


def _scale(env: Env, given: Given | None) -> float | None:
    if given is None:
        return None
    if isinstance(given.value, (int, float)) and not isinstance(given.value, bool):
        return float(given.value)
    raise env.error("CC0301", f"`scale` is a number, found {describe(given.value)}", given.span)


def _sort(use: Use, given: Given) -> None:
    use.env.program.step(given.span)
    if isinstance(given.expr, tree.ListOf):
        for item in given.expr.items:
            _sort(use, Given(use.env, item.span, item))
        return
    if isinstance(given.expr, tree.Name) and given.expr.text == "causal" and use.env.scope.find("causal") is None:
        use.causal = True
        return
    value: Value = given.value
    if isinstance(value, Items):
        for entry in value.values:
            _sort(use, Given(use.env, given.span, piped=entry))
    elif isinstance(value, Selected) and value.grain == "head":
        use.heads.append((value, given.span))
    elif isinstance(value, Selected) and value.grain in ("pair", "block"):
        use.pairs.append((value, given.span))
    elif isinstance(value, Selected):
        raise wrong_grain(use.env, value, "attention", "pair, block or head", given.span)
    elif isinstance(value, (Tensor, Outer)):
        use.bools.append(_visible(use, as_tensor(use.env, value, given.span), given.span))
    else:
        hint = "it takes a mask, a bool value, `causal`, or a list of them"
        raise use.env.error("CC0418", f"attention cannot be masked by {describe(value)}", given.span, hint=hint)


def _visible(use: Use, x: Tensor, span: Span) -> Tensor:
    """A bool value as `[B|1, 1, T|1, S]`: the last dimension is the keys, the second last, if not the samples, the queries."""
    if x.type.dtype != "bool" or not 1 <= x.type.rank <= 4:
        raise use.env.error(
            "CC0418", f"a mask that is a value is bool, found `{x.type}`", span, also=[label(x.node.span, "it comes from here")]
        )
    samples = use.q.shape[0]
    if x.type.rank == 2 and x.shape[0] == samples and x.shape[0] != use.q.shape[-2]:
        x = build.op(use.env, "unsqueeze", [x], {"axis": -2}, span)
    if x.type.rank == 3:
        x = build.op(use.env, "unsqueeze", [x], {"axis": -3}, span)
    return x


def _among(use: Use) -> None:
    """In a body called `among` a selection, kept positions see only each other."""
    among = use.env.unit.among
    if among is None:
        return
    kept = among[0]
    if use.q.shape[-2] != kept.shape[1] or use.k.shape[-2] != kept.shape[1]:
        return
    for axis in (-2, -2):
        kept = build.op(use.env, "unsqueeze", [kept], {"axis": axis}, use.span)
    use.bools.append(kept)


def _node(use: Use) -> Tensor:
    env, slots = use.env, {"q": use.q, "k": use.k, "v": use.v}
    after = any(mask.after for mask, _ in use.pairs)
    if after and (use.bools or len(use.pairs) > 1):
        raise env.error(
            "CC0411",
            "a mask multiplied after the softmax stands alone (or with `causal`)",
            use.span,
            hint="use `weight = renormalise(softmax)`",
        )
    mask: Tensor | None = None
    gate: Tensor | None = None
    visible = _all_of(use, use.bools)
    for selected, span in use.pairs:
        _decide(use, selected, visible, span)
        mask = _both(use, mask, _at_pairs(use, result(env, selected, "kept", span), selected, span), "and")
        if selected.straight_through:
            own = _at_pairs(use, result(env, selected, "gate", span), selected, span)
            gate = _both(use, gate, own, "mul")
    mask = _both(use, visible, mask, "and") if mask is not None and visible is not None else mask if visible is None else visible
    if mask is not None:
        slots["mask"] = mask
    if gate is not None:
        slots["gate"] = (
            gate if gate.type.dtype == use.q.type.dtype else build.op(env, "cast", [gate], {"dtype": use.q.type.dtype}, use.span)
        )
    if env.unit.among is not None and use.q.shape[-2] == env.unit.among[0].shape[1]:
        slots["q_position"] = slots["k_position"] = env.unit.among[1]
    attrs = {"causal": use.causal, "after": after, "scale": use.scale}
    return build.op(
        env, "attention", list(slots.values()), {k: v for k, v in attrs.items() if v is not None}, use.span, tuple(slots)
    )


def _both(use: Use, a: Tensor | None, b: Tensor | None, op: str) -> Tensor | None:
    if a is None or b is None:
        return a if b is None else b
    return build.op(use.env, op, [a, b], {}, use.span)


def _all_of(use: Use, bools: list[Tensor]) -> Tensor | None:
    mask: Tensor | None = None
    for x in bools:
        mask = _both(use, mask, x, "and")
    return mask


def _at_pairs(use: Use, x: Tensor, selected: Selected, span: Span) -> Tensor:
    """What a selection gives, at pair resolution and with four axes."""
    if selected.grain == "block":
        x = build.op(use.env, "expand_blocks", [x], {"axes": (-2, -1), "sizes": selected.block, "shape": use.plane}, span)
    if tuple(x.shape[-2:]) != use.plane:
        also = [label(selected.syntax.name.span, f"the mask decides `{x.type}`")]
        message = f"the mask decides pairs [{x.shape[-2]}, {x.shape[-1]}], and attention has [{use.plane[0]}, {use.plane[1]}]"
        raise use.env.error("CC0419", message, span, also=also)
    return build.op(use.env, "unsqueeze", [x], {"axis": -3}, span) if x.type.rank == 3 else x


# ---- masks that their use decides


def _decide(use: Use, selected: Selected, visible: Tensor | None, span: Span) -> None:
    if selected.pending is None:
        if selected.node is None:
            raise Abort
        if selected.pending is None and selected.syntax and _is_levels(selected):
            also = [label(selected.syntax.name.span, "declared here")]
            raise use.env.error("CC0405", "a mask with `levels` is decided at one use, and this is its second", span, also=also)
        return
    fields: Fields = selected.pending
    selected.pending = None
    if not fields.levels:
        fields.score = pooled(fields.env, fields.score, selected.block, use.plane, (-2, -1), span)
        decide(selected, fields, {})
        return
    _decide_levels(use, selected, fields, visible, span)


def _is_levels(selected: Selected) -> bool:
    return selected.node is not None and bool(selected.node.attrs["levels"])


def _decide_levels(use: Use, selected: Selected, fields: Fields, visible: Tensor | None, span: Span) -> None:
    """The level of each pair from the score; its rank in its row from the exact logits (of mean blocks, for blocks)."""
    env = use.env
    names = keep.level_names(fields.env, fields.written["keep"])
    level = fields.score
    if level.type.rank < 3 or level.shape[-1] != len(names):
        also = [label(level.node.span, f"`{level.type}` comes from here")]
        raise env.error(
            "CC0403",
            f"the score must end in the {len(names)} levels, found `{level.type}`",
            fields.written["score"].span,
            also=also,
        )
    q, k = use.q, use.k
    seen = _with_causal(use, visible)
    if selected.grain == "block":
        a, b = selected.block
        level = pooled(env, level, selected.block, use.plane, (-3, -2), span)
        q = build.op(env, "pool_blocks", [q], {"axes": (-2, -1), "sizes": (a, 1)}, span)
        k = build.op(env, "pool_blocks", [k], {"axes": (-2, -1), "sizes": (b, 1)}, span)
    else:
        env.findings.warn(
            "CC0802",
            f"`levels` over pairs ranks by the exact logits: `{selected.syntax.name.text}` costs a dense QKᵀ",
            selected.syntax.name.span,
            hint="`grain = block(32, 32)` ranks by pooled blocks",
        )
    logits = build.op(env, "attention_logits", [q, k], {} if use.scale is None else {"scale": use.scale}, span)
    if logits.type.dtype in ("bf16", "f16"):
        logits = build.op(env, "cast", [logits], {"dtype": "f32"}, span)
    if tuple(level.shape[-3:-1]) != tuple(logits.shape[-2:]):
        also = [label(level.node.span, f"`{level.type}` comes from here")]
        message = (
            f"the score decides pairs [{level.shape[-3]}, {level.shape[-2]}], and attention has [{use.plane[0]}, {use.plane[1]}]"
        )
        raise env.error("CC0419", message, span, also=also)
    if level.type.rank == 4:
        level = build.op(env, "unsqueeze", [level], {"axis": -4}, span)
    more = {"level": build.op(env, "broadcast", [level], {"shape": (*logits.shape, level.shape[-1])}, span)}
    if seen is not None:
        if selected.grain == "block":
            plane = tuple(ceil_divide(size, n) for size, n in zip(use.plane, selected.block))  # type: ignore[arg-type]
            full = build.op(env, "broadcast", [seen], {"shape": (*logits.shape[:2], *use.plane)}, span)
            seen = build.op(env, "any_blocks", [full], {"axes": (-2, -1), "sizes": selected.block}, span)
            assert tuple(seen.shape[-2:]) == plane
        more["allowed"] = build.op(env, "broadcast", [seen], {"shape": logits.shape}, span)
    fields.score = logits
    decide(selected, fields, more, levels=names)


def _with_causal(use: Use, visible: Tensor | None) -> Tensor | None:
    if not use.causal:
        return visible
    env, span = use.env, use.span
    rows = build.op(env, "range", [], {"n": use.q.shape[-2]}, span)
    columns = build.op(env, "range", [], {"n": use.k.shape[-2]}, span)
    if use.plane[0] != use.plane[1]:
        message = f"`levels` under `causal` needs as many queries as keys, found [{use.plane[0]}, {use.plane[1]}]"
        raise env.error("CC0419", message, span)
    rows = build.op(env, "unsqueeze", [rows], {"axis": -1}, span)
    return _both(use, visible, build.op(env, "ge", [rows, columns], {}, span), "and")
