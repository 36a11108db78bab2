"""Random well-typed graphs for property tests: ops of the table, selections, fuses, calls with shared and nested bodies.

`graphs()` is a hypothesis strategy. Types come from `compiler.ops.infer`: a step that does not fit is not taken, so every graph
verifies. `smooth=True` leaves out what makes two backends differ by more than rounding (comparisons of values that may be equal,
division by what may be 0, and the like), `values` makes inputs and parameters that fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from graph_selections import Selections
from graph_steps import FRESH, SIZES
from hypothesis import strategies as st

from chunkc.compiler.dims import Size, evaluate, substitute, symbol
from chunkc.compiler.ir import Frame, Graph, Node, Parameter
from chunkc.compiler.source import NOWHERE
from chunkc.compiler.types import BundleType, RecordType, TensorType, Type


@st.composite
def graphs(draw: st.DrawFn, *, training: bool | None = None, smooth: bool = False, steps: int = 14) -> Graph:
    """A random graph with inputs over `SIZES`; `training` as given, or either."""
    random = draw(st.randoms(use_true_random=False))
    mode = random.random() < 0.5 if training is None else training
    return random_graph(random, training=mode, smooth=smooth, steps=draw(st.integers(1, steps)))


def random_graph(random: Random, *, training: bool = False, smooth: bool = False, steps: int = 14) -> Graph:
    """The same from a source of randomness of one's own."""
    maker = Maker(random, training, smooth)
    width = random.choice((2, 4, 6))
    maker.add("input", (), TensorType("f32", (symbol("B"), symbol("T"), width)), "x", name="x")
    if random.random() < 0.5:
        maker.add("input", (), TensorType("f32", (symbol("B"), width)), name="pooled")
    if random.random() < 0.3:
        maker.add("input", (), TensorType("i64", (symbol("B"), symbol("T"))), name="ids")
    maker.grow(steps)
    return maker.finish("random")


def values(
    graph: Graph, seed: int = 0, sizes: Mapping[str, int] = SIZES
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and parameters of a graph, by name and by path."""
    draw = np.random.default_rng(seed)

    def one(kind: TensorType) -> np.ndarray:
        shape = tuple(evaluate(size, sizes) for size in kind.shape)
        return draw.standard_normal(shape) * 0.7 if kind.is_float else draw.integers(0, 3, shape)

    inputs = {str(node.attrs["name"]): one(node.tensor) for node in graph.inputs}
    return inputs, {entry.path: one(entry.type) for entry in graph.parameters}


class Maker(Selections):
    """One graph or body that grows, by ops, selections and calls (of the chunks of whoever calls it too)."""

    def grow(self, steps: int) -> None:
        kinds = [*self.ops(), self.routed, self.routed, self.masked, self.attended, self.early]
        kinds += [self.called] if self.depth < 2 else []
        kinds += [self.trained] if self.training and self.depth < 2 else []
        for _ in range(steps):
            self.random.choice(kinds)()

    # ---- calls

    def called(self) -> None:
        """A call of a chunk, or of one called before; its values join the pool."""
        x = self.floats(1)
        if x is None:
            return
        again = [(0, path, body, call) for path, body, call in self.chunks if takes(call, x)]
        again += [(1, path, body, call) for path, body, call in self.outer if takes(call, x)]
        if again and self.random.random() < 0.5:
            up, path, body, call = self.random.choice(again)
            attrs = call.attrs.but(call=self.fresh(f"{path}@"), up=up)
            self.values_of(self.add("apply", (x,), call.type, **attrs))
            return
        y = self.floats(1)
        operands = [x] if y is None or self.random.random() < 0.5 else [x, y]
        if len(operands) == 1 and self.random.random() < 0.3:
            self.values_of(self.apply([x, x], 2, zipped=True))
        else:
            self.values_of(self.apply(operands, self.random.choice((0, 0, 2))))

    def values_of(self, call: Node) -> None:
        """Read what a call gives until it is tensors."""
        kind = call.type
        if isinstance(kind, BundleType):
            for i in range(kind.count):
                if self.random.random() < 0.7:
                    self.values_of(self.add("field", (call,), kind.element, name=str(i)))
        elif isinstance(kind, RecordType):
            for name, part in kind.fields:
                self.add("field", (call,), part, name=name)

    def apply(self, operands: Sequence[Node], members: int, *, rowwise: bool = False, zipped: bool = False) -> Node:
        """A call of an array of so many members (0: a single chunk) with a body of its own."""
        given = operands[:1] if zipped else operands
        sizes: dict[Size, str] = {}
        inner = Maker(self.random, self.training, self.smooth, self.depth + 1, self.chunks)
        taken = {str(size) for operand in given for size in operand.shape}
        for i, operand in enumerate(given):
            shape = tuple(_local(size, sizes, taken) for size in operand.shape)
            inner.add("input", (), operand.tensor.with_shape(*shape), name=f"a{i}")
        if rowwise:
            last = inner.expression(inner.nodes[0])
            if self.training and self.random.random() < 0.15:
                inner.trained()
            outputs = [("", last)]
        else:
            inner.grow(self.random.randint(1, 5))
            chosen = [node for node in inner.pool if node.op != "const"]
            outputs = [(f"r{i}", self.random.choice(chosen)) for i in range(self.random.choice((1, 1, 2)))]
        body = inner.finish("body", outputs)
        back = {name: size for size, name in sizes.items()}
        kinds = [(name, node.tensor.with_shape(*(substitute(s, back) for s in node.shape))) for name, node in outputs]
        element: Type = kinds[0][1] if len(kinds) == 1 else RecordType(tuple(kinds))
        path = self.fresh("e")
        labels = tuple(map(str, range(members))) if members else ("",)
        kind = BundleType(members, element) if members else element
        attrs = {"chunk": path, "up": 0, "members": labels, "call": path, "body": body, "single": not members, "zipped": zipped}
        call = self.add("apply", operands, kind, among=False, **attrs)
        self.chunks.append((path, body, call))
        return call

    def trained(self) -> None:
        """A loss, or a state that remembers one."""
        x = self.floats()
        if x is None:
            return
        total = self.op("mean", x, axes=tuple(range(-x.tensor.rank, 0)), keepdims=False) if x.tensor.rank else x
        if total is not None and self.random.random() < 0.6:
            self.losses.append((self.fresh("loss."), total))
        elif total is not None:
            state = self.add("state", (), TensorType("f32", ()), path=self.fresh("state"), up=0)
            new = self.op("add", state, total) if self.random.random() < 0.5 else total
            if new is not None:
                self.nexts.append((state, new))

    # ---- the end

    def finish(self, name: str, outputs: list[tuple[str, Node]] | None = None) -> Graph:
        if outputs is None:
            wanted = self.random.sample(self.pool, min(len(self.pool), self.random.randint(1, 3)))
            outputs = [(f"y{i}", node) for i, node in enumerate([*wanted, self.pool[-1]])]
        graph = Graph(
            name, tuple(self.nodes), tuple(outputs), tuple(self.losses), tuple(self.nexts), NOWHERE, training=self.training
        )
        if self.depth:
            return graph
        table = parameters(graph)
        return Graph(name, graph.nodes, graph.outputs, graph.losses, graph.nexts, NOWHERE, self.training, table)


def takes(call: Node, x: Node) -> bool:
    """Whether the chunk of a call can be called with one value alone."""
    return len(call.operands) == 1 and call.operands[0].type == x.type and call.attrs["single"]


def _local(size: Size, sizes: dict[Size, str], taken: set[str]) -> Size:
    """A size of a body's input: a symbol of its own where it is an expression outside."""
    if isinstance(size, int) or str(size).isidentifier():
        return size
    if size not in sizes:
        sizes[size] = next(name for name in FRESH if name not in taken and name not in sizes.values())
    return symbol(sizes[size])


def parameters(graph: Graph) -> tuple[Parameter, ...]:
    """The table of all params and states that the calls of a graph lead to."""
    table: dict[str, Parameter] = {}
    stack = [(graph, Frame())]
    while stack:
        one, frame = stack.pop()
        for node in one.nodes:
            if node.op in ("param", "state"):
                path = frame.resolve(node)
                init = ("constant", 0.0) if node.op == "state" else ("uniform", 0.5)
                table.setdefault(path, Parameter(path, node.tensor, init, node.op))
            elif node.op == "apply" and node.attrs["body"] is not None:
                stack.extend((node.attrs["body"], frame.enter(node, member)) for member in node.attrs["members"])
    return tuple(table.values())
