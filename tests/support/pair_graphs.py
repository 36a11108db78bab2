"""Random graphs of what `factor-pairs` and `pool-blocks` look at: pairs, joins, repetition, products, sums, means of blocks."""

from __future__ import annotations

from random import Random
from typing import Any

from chunkc.compiler.dims import symbol
from chunkc.compiler.ir import Attrs, Graph, Node, Parameter
from chunkc.compiler.ops import ShapeError, infer, normalise
from chunkc.compiler.source import NOWHERE
from chunkc.compiler.types import TensorType

B, T, S = map(symbol, "BTS")
RANK = 5
PLAIN = ("relu", "sigmoid", "neg", "stop_gradient")
TWO = ("pairs", "add", "sub", "mul", "matmul")


def pair_graph(random: Random, steps: int) -> Graph:
    """A graph over inputs [B, T, 3], [B, S, 2] and [B, 4]. A step that does not fit is not taken."""
    return _Maker(random).graph(steps)


class _Maker:
    def __init__(self, random: Random) -> None:
        self.random, self.nodes, self.parameters = random, list[Node](), list[Parameter]()
        given = {"t": (B, T, 3), "s": (B, S, 2), "g": (B, 4)}
        self.values = [self.add("input", (), TensorType("f32", shape), name=name) for name, shape in given.items()]
        self.half = self.add("const", (), TensorType("f32", ()), value=0.5)

    def add(self, op: str, operands: tuple[Node, ...], type: TensorType, **attrs: Any) -> Node:
        self.nodes.append(Node(op, operands, Attrs(attrs), type, NOWHERE))
        return self.nodes[-1]

    def op(self, op: str, *operands: Node, **attrs: Any) -> Node:
        types = [operand.tensor for operand in operands]
        full = normalise(op, types, Attrs(attrs))
        return self.add(op, operands, infer(op, types, full), **full)

    def graph(self, steps: int) -> Graph:
        for _ in range(steps):
            try:
                value = self.step()
            except ShapeError:
                continue
            if value is not None and value.tensor.rank <= RANK:
                self.values.append(value)
        outputs = [self.values[-1], *(self.linear(x) for x in self.values[-2:] if isinstance(x.shape[-1], int))]
        named = tuple((f"o{i}", node) for i, node in enumerate(outputs))
        return Graph("pairs", tuple(self.nodes), named, (), (), NOWHERE, False, tuple(self.parameters))

    def linear(self, x: Node) -> Node:
        out, width = self.random.choice((1, 2, 5)), x.shape[-1]
        shapes = {"weight": (out, width), **({"bias": (out,)} if self.random.random() < 0.5 else {})}
        return self.op("linear", x, *(self.param(shape) for shape in shapes.values()), slots=("x", *shapes))

    def param(self, shape: tuple[Any, ...]) -> Node:
        path, kind = f"w{len(self.parameters)}", TensorType("f32", shape)
        self.parameters.append(Parameter(path, kind, ("uniform", 0.5)))
        return self.add("param", (), kind, path=path, up=0, frozen=False)

    def step(self) -> Node | None:
        draw = self.random
        x, y = draw.choice(self.values[-4:] + self.values), draw.choice(self.values[-3:] + self.values)
        rank = x.tensor.rank
        axis = -draw.randint(1, max(rank, 1))
        kinds = (*TWO, *PLAIN, "linear", "linear", "concat", "unsqueeze", "squeeze", "broadcast", "transpose", "permute")
        kind = draw.choice(
            (
                *kinds,
                "scale",
                "pool_blocks",
                "pool_blocks",
                "pool_blocks",
                "mean",
                "index",
                "heads",
                "reshape",
                "attention_logits",
            )
        )
        if rank < 2:
            return self.op("unsqueeze", x, axis=-1)
        if kind in TWO:
            return self.op(kind, x, y)
        if kind in PLAIN:
            return self.op(kind, x)
        match kind:
            case "linear":
                return self.linear(x) if isinstance(x.shape[-1], int) else None
            case "concat":
                return self.op(kind, x, y, axis=axis)
            case "unsqueeze" | "squeeze":
                return self.op(kind, x, axis=axis)
            case "broadcast":
                shape = tuple(draw.choice((T, S, 4, 1)) if size == 1 else size for size in x.shape)
                return self.op(kind, x, shape=shape)
            case "transpose":
                return self.op(kind, x, a=axis, b=-draw.randint(1, rank))
            case "permute":
                return self.op(kind, x, order=tuple(draw.sample(range(-rank, 0), rank)))
            case "scale":
                return self.op("mul", x, self.half)
            case "pool_blocks":
                axes = tuple(sorted(draw.sample(range(-rank, 0), 2)))
                return self.op(kind, x, axes=axes, sizes=(draw.choice((1, 2, 3)), draw.choice((1, 2, 3))))
            case "mean":
                return self.op(draw.choice(("mean", "sum")), x, axes=(axis,), keepdims=draw.random() < 0.5)
            case "index":
                return self.op(kind, x, axis=-1, index=0)
            case "heads":
                return self.op(kind, x, n=2)
            case "reshape":
                return self.op(kind, x, shape=(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1])) if rank > 2 else None
        return self.op(kind, x, y, scale=None)
