"""Steps that decide: routers with all that they may say, masks on values and on pairs, and what is fused or masked by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_steps import KEEP_SHAPE, Steps

from chunkc.compiler.ir import Node
from chunkc.compiler.selection import Rule, Share
from chunkc.compiler.types import SelectionType, TensorType

AMOUNTS = (0, 1, 1, 2, 2, 9, Share(0.3), Share(1.0))
LIMITS = (0.0, 0.3, 0.5, 1.0)
SMOOTH = KEEP_SHAPE[:7]


class Selections(Steps):
    """A graph or body that grows by selections too. `apply` comes from whoever can make bodies."""

    def apply(self, operands: Sequence[Node], members: int, **how: Any) -> Node:
        raise AssertionError("only a maker of bodies calls chunks")

    # ---- one selection

    def select(self, score: Node, **more: Any) -> Node:
        """A selection of the ways in the last axis of a score."""
        router = more.get("kind", "router") == "router"
        weighs = self.random.random() < (0.9 if router else 0.5)
        straight = self.training and self.random.random() < 0.4
        slots: dict[str, Node | None] = {"score": score}
        if weighs:
            slots["weight"] = self.op(self.random.choice(("softmax", "sigmoid")), score)
        if self.random.random() < 0.35:
            slots.update(self.within(score, straight))
        of = self.random.choice(("score", "weight" if weighs else "score", "of.0"))
        if of == "of.0":
            slots["of.0"] = self.op("tanh", score)
        count = self.random.choice((1, 1, 2, 3))
        rules = more.pop("rules", None) or tuple(self.rule(score, of, i, slots) for i in range(count))
        fallback = more.pop("fallback", None) or self.random.choice(((), (), ("last",), ("all", 0.5), ("all", 0.0)))
        if fallback[:1] == ("all",):
            slots["coverage"] = self.op("softmax", score)
        given = {name: node for name, node in [*slots.items(), *more.pop("slots", {}).items()] if node is not None}
        weight = given.get("weight", score).tensor
        attrs = {"kind": "router", "grain": "", "block": (), "levels": (), "cache": (), **more}
        made = self.add(
            "select",
            tuple(given.values()),
            SelectionType(TensorType("bool", score.shape), weight),
            path=self.fresh("gate"),
            slots=tuple(given),
            rules=rules,
            fallback=fallback,
            renormalise=weighs and self.random.random() < 0.2,
            train="straight_through" if straight else "hard",
            **attrs,
        )
        self.selects.append(made)
        return made

    def within(self, score: Node, straight: bool) -> dict[str, Node | None]:
        """What a selection may decide inside of: a comparison, or what an earlier selection of this shape kept or dropped."""
        earlier = [one for one in self.selects if one.selection.kept.shape == score.shape]
        if not earlier or self.random.random() < 0.3:
            return {"allowed": self.compared(score)}
        other = self.random.choice(earlier)
        kept = self.field(other, "kept")
        if self.random.random() < 0.3:
            return {"allowed": self.op("not", kept)}
        return {"allowed": kept, "allowed_gate": self.field(other, "gate") if straight else None}

    def rule(self, score: Node, of: str, place: int, slots: dict[str, Node | None]) -> Rule:
        of = of if place == 0 or of != "of.0" else "score"
        rank = score.tensor.rank
        over = (-1,) if self.random.random() < 0.8 else tuple(range(-self.random.randint(1, rank), 0))
        kind = self.random.choice(("top", "top", "first", "above", "above", "top_p", "all"))
        if kind == "all":
            return Rule("all")
        if kind in ("top", "first"):
            return Rule(kind, over, self.random.choice(AMOUNTS), of=of if kind == "top" else "score")
        over = over if kind == "top_p" else (-1,)
        if self.random.random() < 0.2:
            name = f"threshold.{place}"
            slots[name] = self.threshold(score)
            return Rule(kind, over, of=of, threshold=name)
        return Rule(kind, over, limit=self.random.choice(LIMITS), of=of)

    def threshold(self, score: Node) -> Node | None:
        """A learned threshold: one number, or one for each decision."""
        if self.random.random() < 0.5:
            return self.param()
        return self.op("mean", score, axes=(-1,), keepdims=True)

    def scored(self, x: Node, prefix: int, ways: int) -> Node | None:
        """A score of `ways` for each of the first `prefix` axes of a value."""
        if self.random.random() < 0.15:
            parts = [self.op(self.random.choice(("ones", "zeros")), shape=x.shape[:prefix], dtype="f32") for _ in range(ways)]
            return self.op("stack", *(part for part in parts if part is not None), axis=-1)
        middle = tuple(range(prefix - x.tensor.rank, -1))
        pooled = self.op("mean", x, axes=middle, keepdims=False) if middle else x
        width = x.shape[-1]
        return self.op("linear", pooled, self.param(ways, width)) if pooled is not None and isinstance(width, int) else None

    def field(self, by: Node, name: str) -> Node:
        """A result of a selection."""
        kept, weight = by.selection.kept, by.selection.weight
        kind = {"score": by.operands[0].tensor, "kept": kept, "first": kept}.get(name, weight)
        return self.add("field", (by,), kind.with_shape(*kind.shape[-1:]) if name == "load" else kind, name=name)

    # ---- routers

    def routed(self) -> None:
        """A router over the last axes of a value, and the fuse of its ways."""
        x, ways = self.floats(2), self.random.choice((1, 2, 3))
        if x is None or not isinstance(x.shape[-1], int):
            return
        score = self.scored(x, self.random.randint(1, x.tensor.rank - 1), ways)
        if score is None:
            return
        by = self.select(score)
        self.fuse(x, ways, by)
        self.field(by, self.random.choice(("score", "kept", "weight", "load", "first", "gate")))

    def fuse(self, x: Node, ways: int, by: Node) -> Node:
        """What becomes of a value on these ways, weighed by a selection or not."""
        kind = self.random.choice(("sum", "sum", "mean", "concat", "stack"))
        streams = self.streams(x, ways)
        weighed = self.random.random() < 0.9
        *front, last = x.shape
        result = {"concat": (*front, last * ways), "stack": (*front, ways, last)}.get(kind, x.shape)
        return self.add("fuse", (*streams, by) if weighed else streams, x.tensor.with_shape(*result), kind=kind, by=weighed)

    def streams(self, x: Node, ways: int) -> Sequence[Node]:
        """A bundle, or a list of what stands alone: calls of several chunks, and expressions that may share parts."""
        how = self.random.random()
        if self.depth < 2 and how < 0.5:
            return [self.apply([x], ways, rowwise=True)]
        if self.depth < 2 and how < 0.6:
            each = [self.expression(x) for _ in range(ways)]
            return [self.apply(each, ways, rowwise=True, zipped=True)]
        shared = self.expression(x) if self.random.random() < 0.3 else x
        makers = [self.expression, lambda value: value]
        makers += [lambda value: self.apply([value], 0, rowwise=True)] if self.depth < 2 else []
        return [self.random.choice(makers)(shared) for _ in range(ways)]

    def expression(self, x: Node) -> Node:
        """Some ops in a row that end in a value of this type."""
        value = x
        for _ in range(self.random.randint(1, 3)):
            value = self.alike(value) or value
        return value

    def alike(self, x: Node) -> Node | None:
        """One op that gives a value of the same type: of each position for itself, or of all along an axis."""
        width, step = x.shape[-1], self.random.randrange(9)
        if step == 0 and isinstance(width, int):
            return self.op("linear", x, self.param(width, width), *([self.param(width)] if self.random.random() < 0.5 else []))
        if step == 1:
            return self.op("layer_norm", x)
        if step == 2 and isinstance(width, int):
            return self.op("mul", x, self.param(width))
        if step == 3:
            noise = self.op("uniform", x, path=self.fresh("noise"))
            return self.op("mul", x, noise) if noise is not None else None
        if step == 4 and self.random.random() < 0.4:
            axis = -self.random.randint(1, x.tensor.rank)
            return self.op(self.random.choice(("softmax", "cumsum", "flip")), x, axis=axis)
        if step == 5 and x.tensor.rank > 1 and isinstance(width, int) and self.random.random() < 0.6:
            return self.nested(x)
        if step == 6 and isinstance(width, int):
            return self.neurons(x)
        return self.op(self.random.choice(SMOOTH), x)

    def nested(self, x: Node) -> Node | None:
        """A router inside: it decides where its body runs."""
        score = self.op("linear", x, self.param(2, x.shape[-1]))
        if score is None:
            return None
        by = self.select(score)
        return self.add("fuse", (*self.streams(x, 2), by), x.type, kind=self.random.choice(("sum", "mean")), by=True)

    def early(self) -> None:
        """Early exit: each way goes on from the one before, and is asked only where those were not sure."""
        x, ways = self.floats(2), self.random.choice((2, 3))
        if x is None or not isinstance(x.shape[-1], int):
            return
        value, streams, sure = x, [], []
        for _ in range(ways):
            value = self.apply([value], 0, rowwise=True) if self.depth < 2 else self.expression(value)
            score = self.scored(value, x.tensor.rank - 1, 1)
            asked = self.op("sigmoid", score) if score is not None else None
            one = self.op("index", asked, index=0, axis=-1) if asked is not None else None
            if one is None:
                return
            streams.append(value)
            sure.append(one)
        score = self.op("stack", *sure, axis=-1)
        if score is None:
            return
        rules = (Rule("above", limit=self.random.choice((0.4, 0.5, 0.6)), of="score"), Rule("first", amount=1))
        by = self.select(score, rules=rules, fallback=self.random.choice(((), ("last",))))
        self.add("fuse", (*streams, by), x.type, kind="sum", by=True)

    # ---- masks

    def masked(self) -> None:
        x = self.floats(1)
        if x is not None and isinstance(x.shape[-1], int):
            self.neurons(x)

    def neurons(self, x: Node) -> Node | None:
        """A value with a mask on its last axis."""
        mask = self.select(x, kind="mask", grain="neuron")
        gates = [self.field(mask, "gate")] if mask.attrs["train"] == "straight_through" else []
        return self.op("masked", x, self.field(mask, "kept"), *gates)

    def attended(self) -> None:
        """Attention among the positions of a value, its pairs masked by a selection, by levels, by a comparison or not at all."""
        x, heads = self.pick(lambda kind: kind.dtype == "f32" and kind.rank == 3 and isinstance(kind.shape[-1], int)), 2
        if x is None:
            return
        q, k, v = (self.projected(x, n) for n in (heads, *(self.random.choice(((heads, heads), (1, 1))))))
        if q is None or k is None or v is None:
            return
        kept = gate = None
        if self.random.random() < 0.8:
            kept, gate = self.pairs(x, q, k)
        slots = ["q", "k", "v", *(["mask"] if kept is not None else []), *(["gate"] if gate is not None else [])]
        operands = [node for node in (q, k, v, kept, gate) if node is not None]
        after, causal = (self.random.random() < 0.4 for _ in range(2))
        self.op("attention", *operands, slots=tuple(slots), causal=causal, after=after)

    def projected(self, x: Node, heads: int) -> Node | None:
        flat = self.op("linear", x, self.param(2 * heads, x.shape[-1]))
        return self.op("heads", flat, n=heads) if flat is not None else None

    def pairs(self, x: Node, q: Node, k: Node) -> tuple[Node | None, Node | None]:
        """What is kept of all pairs of positions, and its gate if it is trained straight through."""
        both = self.op("pairs", x, x)
        if both is None or not isinstance(both.shape[-1], int):
            return None, None
        level = self.op("linear", both, self.param(2, both.shape[-1]))
        logits = self.op("attention_logits", q, k)
        if level is None or logits is None:
            return None, None
        one = self.op("index", level, index=0, axis=-1)
        if one is None:
            return None, None
        if self.random.random() < 0.3:
            mask = self.op("unsqueeze", self.compared(one), axis=-3)
            return mask, None
        attrs: dict[str, Any] = {"kind": "mask", "grain": "pair"}
        score = self.random.choice((one, logits))
        if self.random.random() < 0.4:
            score = one
            shares = self.random.sample((0.2, 0.5, 0), 2)
            rules = tuple(Rule("top", amount=Share(share)) if share else Rule("all") for share in shares)
            attrs |= {"levels": ("coarse", "fine"), "rules": rules, "slots": {"level": level}}
        mask = self.select(score, **attrs)
        kept = self.field(mask, "kept")
        gate = self.field(mask, "gate") if mask.attrs["train"] == "straight_through" else None
        if score is logits:
            return kept, gate
        return self.op("unsqueeze", kept, axis=-3), self.op("unsqueeze", gate, axis=-3) if gate is not None else None
