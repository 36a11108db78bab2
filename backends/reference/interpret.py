"""The interpreter: node by node through a graph, into bodies only by their nesting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.bodies import lasting_nodes
from ...compiler.ir import Frame, Graph, Node, call_path, reachable, streams_of
from ...compiler.selection import paths_of
from ...compiler.types import BundleType, SelectionType
from . import attention, blocks, convolution, losses, norms, pointwise, products, random, reductions, shapes  # noqa: F401
from .fuse import fuse
from .meaning import MEANING, Array, Bools, standard
from .result import Disagreement, Inadmissible, Result, RunError, Selection, SelectionStats, Value, add_up, statistics
from .select import Replay, differing, select, together
from .sizes import bind, resolve
from .stored import Foreign, run_foreign, run_present


def run(
    graph: Graph,
    inputs: Mapping[str, Array],
    params: Mapping[str, Array],
    *,
    seed: int = 0,
    outputs: Sequence[str] | None = None,
    decisions: Mapping[str, Replay] | None = None,
    draws: Mapping[str, Array] | None = None,
    tolerance: float | None = None,
    foreign: Mapping[str, Foreign] | None = None,
    missing: Collection[str] = (),
) -> Result:
    """The plain dense meaning of a graph.

    `params` holds parameters and states by full path (more than needed is fine). `outputs` names those to compute (all by
    default); losses and next states are always computed. `decisions` and `draws` replay what another run did, by call path: a
    selection then keeps what it is told, or for a pair `(kept, known)` only where known. Replaying `path:first` fixes what the
    first rule of a chain kept. `foreign` says what stored chunks compute that something else runs (`onnx:` …): by path, a
    function of arrays. `missing`: paths of chunks that cannot be had, where the spec says what becomes of them (`on_missing`).

    Raises `RunError` where values do not fit the graph, and `Inadmissible` if a `tolerance` is given and a replayed decision is
    further than that from its boundary (relative to the values it was taken on).
    """
    call = _Call(params, seed, decisions or {}, draws or {}, foreign or {}, frozenset(missing))
    wanted = [pair for pair in graph.outputs if outputs is None or pair[0] in outputs]
    if outputs is not None and (missing := set(outputs) - {name for name, _ in wanted}):
        raise RunError(f"the graph has no output {', '.join(sorted(missing))}")
    # Infinities and NaN are values like any other here: what they may reach is what the meaning says, so NumPy need not warn.
    with np.errstate(all="ignore"):
        values = call.evaluate(graph, _given(graph, inputs), wanted, Frame(), "")
    if tolerance is not None and (worst := max((d.relative for d in call.disagreements), default=0.0)) > tolerance:
        raise Inadmissible(f"a replayed decision is {worst:.3g} from its boundary, and {tolerance:.3g} is allowed")
    given = {**call.replay, **call.drawn}
    return Result(
        outputs={name: values[node] for name, node in wanted},
        losses=add_up(call.losses),
        decisions=call.decisions,
        draws=call.draws,
        nexts=call.nexts,
        stats=call.stats,
        disagreements=tuple(call.disagreements),
        unused=tuple(path for path in given if path.removesuffix(":first") not in {**call.decisions, **call.draws}),
    )


def _given(graph: Graph, inputs: Mapping[str, Array]) -> list[Value]:
    """The inputs in the graph's order."""
    names = [node.attrs["name"] for node in graph.inputs]
    if set(names) != set(inputs):
        raise RunError(f"the graph takes the inputs {', '.join(names)}; got {', '.join(inputs) or 'none'}")
    return [standard(inputs[node.attrs["name"]], node.tensor.dtype) for node in graph.inputs]


@dataclass(slots=True)
class _Call:
    """What one run reads, and what it has recorded so far."""

    params: Mapping[str, Array]
    seed: int
    replay: Mapping[str, Replay]
    drawn: Mapping[str, Array]
    foreign: Mapping[str, Foreign]
    missing: frozenset[str]
    losses: dict[str, float] = field(default_factory=dict)
    decisions: dict[str, Bools] = field(default_factory=dict)
    draws: dict[str, Array] = field(default_factory=dict)
    nexts: dict[str, Array] = field(default_factory=dict)
    stats: dict[str, SelectionStats] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)

    def evaluate(
        self, graph: Graph, given: Sequence[Value], wanted: Iterable[tuple[str, Node]], frame: Frame, path: str
    ) -> dict[Node, Value]:
        """Values of the wanted outputs. Losses and next states are recorded on the way; other values go after their last use."""
        roots = [*(n for _, n in wanted), *(n for _, n in graph.losses), *(n for pair in graph.nexts for n in pair)]
        roots += lasting_nodes(graph)
        needed = reachable(roots)
        inputs = dict(zip(graph.inputs, given))
        scope = _Scope(self, frame, path, bind(graph, inputs), inputs)
        uses = Counter(operand for node in needed for operand in set(node.operands))
        uses.update(roots)
        for node in graph.nodes:
            if node in needed:
                scope.compute(node)
                for operand in set(node.operands):
                    uses[operand] -= 1
                    if not uses[operand]:
                        del scope.values[operand]
        for name, node in graph.losses:
            self.losses[path + name] = self.losses.get(path + name, 0.0) + float(scope.values[node])
        for state, value in graph.nexts:
            self.nexts[frame.resolve(state)] = scope.values[value]
        return scope.values


@dataclass(slots=True)
class _Scope:
    """One graph or body being computed: where its paths resolve, its sizes, and the values still needed."""

    call: _Call
    frame: Frame
    path: str
    sizes: dict[str, int]
    values: dict[Node, Value]

    def compute(self, node: Node) -> None:
        if node in self.values:
            return
        operands = [self.values[operand] for operand in node.operands]
        try:
            structural = _STRUCTURAL.get(node.op)
            self.values[node] = structural(self, node, operands) if structural else np.asarray(self._op(node, operands))
        except Exception as error:
            error.add_note(f"in `{node.op}` at {node.span}" + (f", called as {self.path[:-1]}" if self.path else ""))
            raise

    def _op(self, node: Node, operands: list[Value]) -> Array:
        """An op of the table: its meaning, with sizes resolved and slots named."""
        attrs = resolve(node.attrs, self.sizes)
        slots = attrs.pop("slots", None)
        if slots is not None:
            return MEANING[node.op](**dict(zip(slots, operands)), **attrs)
        if node.op == "foreign":
            return run_foreign(self.call.foreign, self.frame, operands, attrs)
        if node.op == "present":
            return run_present(self.call.missing, self.frame, attrs["chunks"])
        if node.op == "uniform":
            return self._draw(self.path + attrs["path"], operands[0])
        return MEANING[node.op](*operands, **attrs)

    def _draw(self, path: str, x: Array) -> Array:
        draw = MEANING["uniform"](x, path=path, seed=self.call.seed)
        if path in self.call.drawn:
            draw = standard(self.call.drawn[path], "f64")
            if draw.shape != x.shape:
                raise RunError(f"draws of `{path}` must have the shape {list(x.shape)}, got {list(draw.shape)}")
        self.call.draws[path] = draw
        return draw

    def param(self, node: Node, operands: list[Value]) -> Array:
        path = self.frame.resolve(node)
        if path not in self.call.params:
            raise RunError(f"there is no parameter `{path}`, which must be {node.type}")
        value = standard(self.call.params[path], node.tensor.dtype)
        if value.shape != node.shape:
            raise RunError(f"`{path}` must be {node.type}, got shape {list(value.shape)}")
        return value

    def const(self, node: Node, operands: list[Value]) -> Array:
        return standard(node.attrs["value"], node.tensor.dtype)

    def select(self, node: Node, operands: list[Value]) -> Selection:
        paths = [self.path + path for path in paths_of(node)]
        slots = dict(zip(node.attrs["slots"], operands))
        replay, first = (together(paths, behind, self.call.replay) for behind in ("", ":first"))
        result, disagreements = select(node.attrs, slots, paths[0], replay, first)
        if disagreements and any(path not in self.call.replay for path in paths):
            raise differing(paths)
        self.call.decisions.update(dict.fromkeys(paths, result.kept))
        self.call.stats.update(dict.fromkeys(paths, statistics(result.kept)))
        self.call.disagreements.extend(disagreements)
        return result

    def fuse(self, node: Node, operands: list[Value]) -> Array:
        streams, by = streams_of(node)
        flat: list[Array] = []
        for stream, value in zip(streams, operands):
            flat.extend(value if isinstance(stream.type, BundleType) else [value])
        return fuse(node.attrs["kind"], flat, operands[-1] if by is not None else None)

    def field(self, node: Node, operands: list[Value]) -> Value:
        source, name, value = node.operands[0], node.attrs["name"], operands[0]
        if isinstance(source.type, SelectionType):
            return getattr(value, name)
        if not isinstance(source.type, BundleType):
            return value[name]
        if isinstance(node.type, BundleType):  # a field of every stream
            return tuple(stream[name] for stream in value)
        members = source.attrs.get("members", ())
        return value[members.index(name) if name in members else int(name)]

    def apply(self, node: Node, operands: list[Value]) -> Value:
        body, members = node.attrs["body"], node.attrs["members"]
        if body is None:
            raise RunError(f"the chunk `{node.attrs['chunk']}` is stored elsewhere: bind a body to run it")
        arguments = [operands] * len(members)
        if node.attrs.get("zipped"):
            flat = [s for o, v in zip(node.operands, operands) for s in (v if isinstance(o.type, BundleType) else (v,))]
            shared = flat[len(members) :]  # what `among` adds is for all
            arguments = [[value, *shared] for value in flat[: len(members)]]
        results = tuple(self._member(node, body, member, given) for member, given in zip(members, arguments))
        return results[0] if node.attrs["single"] else results

    def _member(self, node: Node, body: Graph, member: str, given: Sequence[Value]) -> Value:
        frame, path = self.frame.enter(node, member), call_path(self.path, node, member)
        values = self.call.evaluate(body, given, body.outputs, frame, path)
        results = {name: values[output] for name, output in body.outputs}
        return next(iter(results.values())) if len(results) == 1 else results


_STRUCTURAL: dict[str, Callable[[_Scope, Node, list[Value]], Any]] = {
    "param": _Scope.param,
    "state": _Scope.param,
    "const": _Scope.const,
    "select": _Scope.select,
    "fuse": _Scope.fuse,
    "field": _Scope.field,
    "apply": _Scope.apply,
}
