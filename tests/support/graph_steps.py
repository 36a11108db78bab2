"""Steps by which a random graph grows: one op or a few, on what is there. A step that does not fit adds nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from chunkc.compiler.dims import evaluate
from chunkc.compiler.ir import Attrs, Graph, Node
from chunkc.compiler.ops import OPS, ShapeError, infer, normalise
from chunkc.compiler.source import NOWHERE
from chunkc.compiler.types import TensorType, Type

SIZES = {"B": 3, "T": 4}
FRESH = ("N", "M", "K", "L", *(f"N{i}" for i in range(9)))
LOCAL = {**SIZES, **dict.fromkeys(FRESH, 4)}
"""A guess at the sizes of bodies too, where their own dimensions stand for expressions."""
NAMES = ("", "", "h", "x", "gate", "live.3", "1bad", "é", "%")
NUMBERS = (0.0, -0.0, 1.0, 0.5, -2.0, 0.1, 1e-3)
ROUGH = frozenset({"div", "mod", "pow", "sign", "log", "sqrt", "argmax", "hash", "eq", "ne", "norm"})
KEEP_SHAPE = ("relu", "gelu", "silu", "tanh", "sigmoid", "abs", "neg", "stop_gradient", "exp", "sign", "sqrt", "log")
BINARY = ("add", "sub", "mul", "maximum", "minimum", "div", "mod", "pow")
COMPARE = ("lt", "le", "gt", "ge", "eq", "ne")


class Steps:
    """The nodes of one graph or body so far, any of which the next may read, and the steps that add ops of the table."""

    def __init__(
        self, random: Random, training: bool, smooth: bool, depth: int = 0, outer: Sequence[tuple[str, Graph, Node]] = ()
    ) -> None:
        self.random, self.training, self.smooth, self.depth = random, training, smooth, depth
        self.nodes: list[Node] = []
        self.pool: list[Node] = []
        self.losses: list[tuple[str, Node]] = []
        self.nexts: list[tuple[Node, Node]] = []
        self.chunks: list[tuple[str, Graph, Node]] = []
        self.outer = outer
        self.selects: list[Node] = []
        self.count = 0

    # ---- nodes

    def add(self, op: str, operands: Sequence[Node], kind: Type, named: str | None = None, /, **attrs: Any) -> Node:
        name = self.random.choice(NAMES) if named is None else named
        node = Node(op, tuple(operands), Attrs(attrs), kind, NOWHERE, name)
        self.nodes.append(node)
        if isinstance(kind, TensorType) and op != "param":
            self.pool.append(node)
        return node

    def op(self, name: str, /, *operands: Node, **attrs: Any) -> Node | None:
        """An op of the table; None where it does not fit, or nothing would be left of a size."""
        types = [operand.tensor for operand in operands]
        if OPS[name].slots and "slots" not in attrs:
            attrs["slots"] = OPS[name].slots[: len(operands)]
        try:
            full = normalise(name, types, Attrs(attrs))
            kind = infer(name, types, full)
        except (ShapeError, AssertionError):
            return None
        if any(evaluate(size, LOCAL) not in range(1, 65) for size in kind.shape):
            return None
        return self.add(name, operands, kind, **full)

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def param(self, *shape: int, dtype: str = "f32") -> Node:
        up = 1 if self.depth and self.random.random() < 0.1 else 0
        path = f"outer.w{shape[-1] if shape else ''}_{len(shape)}_{dtype}_{'_'.join(map(str, shape))}" if up else self.fresh("w")
        return self.add("param", (), TensorType(dtype, shape), path=path, up=up, frozen=False)

    def const(self, value: bool | int | float, dtype: str) -> Node:
        return self.add("const", (), TensorType(dtype, ()), value=value)

    def pick(self, fits: Callable[[TensorType], bool] = lambda kind: True) -> Node | None:
        found = [node for node in self.pool if fits(node.tensor)]
        return self.random.choice(found) if found else None

    def floats(self, least: int = 0) -> Node | None:
        return self.pick(lambda kind: kind.dtype == "f32" and kind.rank >= least)

    # ---- growing

    def ops(self) -> list[Callable[[], object]]:
        """The steps, a common one several times."""
        common = [self.unary, self.binary, self.shaped, self.shaped, self.joined, self.reduced, self.linear, self.chosen]
        return [
            *common,
            self.product,
            self.normed,
            self.number,
            self.drawn,
            self.logical,
            self.indexed,
            self.structured,
            self.lost,
        ]

    def unary(self) -> None:
        x, name = self.floats(), self.random.choice(KEEP_SHAPE)
        if x is not None and not (self.smooth and name in ROUGH):
            self.op(name, x)

    def binary(self) -> None:
        a, name = self.floats(), self.random.choice(BINARY)
        b = self.number() if self.random.random() < 0.4 else self.floats()
        if a is not None and b is not None and not (self.smooth and name in ROUGH):
            self.op(name, *((a, b) if self.random.random() < 0.7 else (b, a)))

    def number(self) -> Node:
        dtype = self.random.choice(("f32", "f32", "f32", "i64", "bool", "f64"))
        if dtype == "bool":
            return self.const(self.random.random() < 0.5, dtype)
        return self.const(self.random.randrange(-3, 4) if dtype == "i64" else self.random.choice(NUMBERS), dtype)

    def shaped(self) -> None:
        x = self.pick()
        if x is None:
            return
        rank = x.tensor.rank
        if not rank:
            self.op(self.random.choice(("unsqueeze", "flip")), x, axis=-1)
            return
        a, b = (-self.random.randint(1, max(1, rank)) for _ in range(2))
        order = self.random.sample(range(-rank, 0), rank)
        start, step = self.random.choice((0, 0, 1)), self.random.choice((1, 1, 2))
        self.random.choice(
            (
                lambda: self.op("transpose", x, a=a, b=b),
                lambda: self.op("permute", x, order=tuple(order)),
                lambda: self.op("unsqueeze", x, axis=-self.random.randint(1, rank + 1)),
                lambda: self.op("squeeze", x, axis=a),
                lambda: self.op("reshape", x, shape=self.random.choice((x.shape, (-1,), (*x.shape, 1), (1, *x.shape)))),
                lambda: self.op("broadcast", x, shape=(self.random.choice((1, 2)), *x.shape)),
                lambda: self.op("slice", x, start=start, stop=x.shape[a] if rank else 0, axis=a, step=step),
                lambda: self.op("index", x, index=0, axis=a),
                lambda: self.op("flip", x, axis=a),
                lambda: self.op("repeat", x, n=self.random.choice((1, 2)), axis=a),
                lambda: self.op("heads", x, n=2),
                lambda: self.op("merge_heads", x),
                lambda: self.op("cast", x, dtype=self.random.choice(("f32", "f64") if x.tensor.is_float else ("f32", "i64"))),
                lambda: self.op("max_pool1d", x, kernel=2, stride=2) if x.tensor.is_float else None,
            )
        )()

    def joined(self) -> None:
        x = self.pick()
        if x is not None:
            y = self.pick(lambda kind: kind == x.type) or x
            axis = -self.random.randint(1, max(1, x.tensor.rank))
            parts = [x, y][: self.random.choice((1, 2, 2))]
            self.op(self.random.choice(("concat", "stack")), *parts, axis=axis)

    def reduced(self) -> Node | None:
        x = self.floats(1)
        if x is None:
            return None
        name = self.random.choice(("mean", "sum", "max", "min", "softmax", "cumsum", "norm", "argmax"))
        if self.smooth and name in ROUGH:
            return None
        axis = -self.random.randint(1, x.tensor.rank)
        if name in ("softmax", "cumsum", "argmax"):
            return self.op(name, x, axis=axis)
        axes = (axis,) if self.random.random() < 0.7 else tuple(range(-x.tensor.rank, 0))
        return self.op(name, x, axes=axes, keepdims=self.random.random() < 0.5)

    def linear(self) -> None:
        x, out = self.floats(1), self.random.choice((1, 2, 4))
        if x is not None and isinstance(x.shape[-1], int):
            self.op("linear", x, self.param(out, x.shape[-1]), *([self.param(out)] if self.random.random() < 0.5 else []))

    def product(self) -> None:
        x = self.floats(2)
        if x is not None and x.tensor.rank == 4:
            self.op("attention", x, x, x, causal=self.random.random() < 0.5)
        elif x is not None:
            turned = self.op("transpose", x, a=-2, b=-1)
            if turned is not None:
                self.op("matmul", x, turned)

    def normed(self) -> None:
        x = self.floats(1)
        if x is not None:
            self.op(self.random.choice(("layer_norm", "rms_norm", "l2_norm")), x)

    def compared(self, x: Node) -> Node | None:
        """Something bool in the shape of a value."""
        name = self.random.choice(COMPARE[:4] if self.smooth else COMPARE)
        return self.op(name, x, self.const(self.random.choice(NUMBERS), "f32"))

    def chosen(self) -> None:
        x = self.floats()
        if x is None:
            return
        y = self.pick(lambda kind: kind == x.type) or x
        condition = self.compared(x) if self.random.random() < 0.7 else self.const(self.random.random() < 0.5, "bool")
        if condition is not None and self.random.random() < 0.3:
            condition = self.op("not", condition)
        if condition is not None:
            self.op("where", condition, x, y)

    def drawn(self) -> None:
        x = self.floats()
        if x is not None and self.random.random() < 0.3:
            self.op("uniform", x, path=self.fresh("noise"))

    def logical(self) -> None:
        x = self.floats(1)
        if x is None:
            return
        a, b = (
            self.compared(x),
            self.const(self.random.random() < 0.5, "bool") if self.random.random() < 0.5 else self.compared(x),
        )
        if a is not None and b is not None:
            both = self.op(self.random.choice(("and", "or")), *self.random.sample((a, b), 2))
            if both is not None and self.random.random() < 0.5:
                self.op("any", both, axes=(-1,), keepdims=self.random.random() < 0.5)

    def indexed(self) -> None:
        """Ops on integers: ids of an input, or counted."""
        ids = self.pick(lambda kind: kind.dtype == "i64" and kind.rank > 0)
        x = self.floats(1)
        if ids is not None and self.random.random() < 0.6:
            few = self.op("hash", ids, n=3, seed=self.random.randrange(9))
            if few is not None and self.random.random() < 0.5:
                self.op("embedding", few, self.param(3, 2))
            elif few is not None:
                self.op("one_hot", few, n=self.random.choice((2, 3)))
        elif x is not None:
            axis = -self.random.randint(1, x.tensor.rank)
            counted = self.op("range", n=x.shape[axis])
            if counted is not None:
                self.op("take", x, counted, axis=axis)

    def structured(self) -> None:
        """Ops that want a certain rank or width."""
        x = self.floats(2)
        if x is None:
            return
        axes, width, channels = (-2, -1), x.shape[-1], x.shape[1]
        sized, wide = isinstance(channels, int), isinstance(width, int)
        self.random.choice(
            (
                lambda: self.op("conv1d", x, self.param(2, channels, self.random.choice((1, 2)))) if sized else None,
                lambda: self.op("group_norm", x, groups=1) if sized else None,
                lambda: self.op("rope", x),
                lambda: self.op("attention_logits", x, x),
                lambda: self.op("einsum", x, self.param(2, width), equation="...i,oi->...o") if wide else None,
                lambda: self.op("pairs", x, x),
                lambda: self.op("avg_pool1d", x, kernel=2, stride=2),
                lambda: self.op("pool_blocks", x, axes=axes, sizes=(2, 3)),
                lambda: self.op("expand_blocks", x, axes=axes, sizes=(1, 2), shape=(x.shape[-2], width * 2)),
            )
        )()

    def lost(self) -> None:
        """The ops that losses are made of."""
        x = self.floats(1)
        y = self.pick(lambda kind: x is not None and kind == x.type)
        if x is None or y is None:
            return
        name, squash = self.random.choice((("kl", "softmax"), ("bce", "sigmoid")))
        p, q = self.op(squash, x), self.op(squash, y)
        if p is not None and q is not None:
            self.op(name, p, q)
