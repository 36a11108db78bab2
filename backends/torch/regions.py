"""Tracing: what a call computes, captured as `torch.fx` graphs.

What is traced owns nothing: its code runs with the module itself as `self`, so that it reads the module's own parameters,
wherever they are moved and whatever is loaded into them. Losses, decisions, rows and next states leave it as outputs beside the
value. Host steps cut it into regions (`program.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn

from . import context, stats
from .context import Context, Record
from .derived import is_called, traced_by
from .emission import Method
from .emission.names import readable
from .hosting import HOST_STEPS, run_branch
from .kernels import KERNELS
from .program import Program, program_of
from .residing.memory import running

if TYPE_CHECKING:
    from .module import CompiledModule


@dataclass(frozen=True, slots=True)
class Traced:
    """A traced call: its program, and what the flat results behind the value are."""

    program: Program
    shape: stats.Shape

    def run(self, module: CompiledModule, inputs: Sequence[Tensor]) -> tuple[Any, stats.Last]:
        """The value and what the call left."""
        hosted = self.program.hosted

        def run(host: Any) -> Any:
            return self.program.run(host, (host, module._seed, *inputs) if hosted else (module._seed, *inputs))

        value, left = running(module, hosted, run)
        return value, self.shape.last(module, left)


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the whole as it runs by itself, and as one pure region (the same where it has no host steps)."""

    hosted: Traced
    pure: Traced


class _Tracer(fx.Tracer):
    """Traces the method of a module: kernels, host steps and plain chunks stay calls, all else is seen through."""

    proxy_buffer_attributes = True

    def __init__(self, module: CompiledModule, hosted: bool) -> None:
        functions = [*KERNELS.values(), *(HOST_STEPS.values() if hosted else ())]
        super().__init__(autowrap_functions=tuple(functions))
        # Functions are wrapped where emitted code and contexts look them up.
        self._autowrap_search += [module.namespace, context]
        self.namespace, self.plain, self.module = module.namespace, module.sources.plain, module
        self.lifted: dict[fx.Graph, dict[fx.Node, fx.Node]] = {}
        """For each graph of a branch, what it reads from around it: the node there, and the placeholder here."""
        self.stored: dict[fx.Graph, dict[str, fx.Proxy]] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        emitted = type(m).__module__ == self.namespace.__name__
        return type(m).__name__ in self.plain if emitted else True

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        """Each graph reads parameters by nodes of its own."""
        return super().getattr(attr, attr_val, self.stored.setdefault(self.graph, {}))

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, Tensor) and not isinstance(a, nn.Parameter) and a.ndim == 0 and a.device.type == "cpu":
            # A number written as a tensor: made anew in each call, and not an attribute of the module.
            return self.create_node("call_function", torch.tensor, (a.item(),), {"dtype": a.dtype})
        if isinstance(a, Program):
            return a
        if isinstance(a, fx.Proxy) and a.node.graph is not self.graph:
            return self._lift(a.node)
        return super().create_arg(a)

    def _lift(self, node: fx.Node) -> fx.Node:
        """What stands in this graph for a node of a graph around it."""
        if node.op == "get_attr":
            return self.create_node("get_attr", node.target, (), {})
        known = self.lifted[self.graph]
        if node not in known:
            with self.graph.inserting_before(next(iter(self.graph.nodes), None)):
                known[node] = self.graph.placeholder(node.name)
        return known[node]

    # ---- branches

    def branch(self, ctx: Context, condition: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        """`hosting.branch` in a traced call: both ways as programs, and one host step that runs one of them."""
        ways = [self._way(ctx, way) for way in (then, otherwise)]
        if ways[0].shape != ways[1].shape:
            raise ValueError(f"the ways of a branch leave different things: {ways[0].shape} and {ways[1].shape}")
        given = list(dict.fromkeys(node for way in ways for node in self.lifted[way.graph]))
        name = f"{type(self.module).__name__}_way"
        programs = tuple(program_of(self.module, self._taking(way.graph, given), name, part=True) for way in ways)
        arguments = (ctx.host, condition, programs, tuple(map(self.proxy, given)))
        value, left = self.create_proxy("call_function", run_branch, arguments, {})
        ways[0].shape.recall(left, ctx.record, ways[0].states)
        return value

    def _way(self, ctx: Context, function: Callable[[], Any]) -> _Way:
        """One way traced into a graph of its own, which gives its value and what it leaves in the record."""
        around, self.graph = self.graph, fx.Graph(tracer_cls=type(self))
        self.lifted[self.graph] = {}
        before = dict(vars(ctx.record))
        # Every context of this call writes to this one record: it is emptied for the way, and filled again.
        vars(ctx.record).update(vars(Record()))
        try:
            value = function()
            flat, layout = stats.flatten(ctx.record, _path_of_state)
            self.create_node("output", "output", (self.create_arg((value, flat)),), {})
            return _Way(self.graph, layout, [state for state, _ in ctx.record.nexts])
        finally:
            self.graph = around
            vars(ctx.record).update(before)

    def _taking(self, graph: fx.Graph, given: Sequence[fx.Node]) -> fx.Graph:
        """The graph of a way with one placeholder for each of the given nodes, in this order."""
        known = self.lifted[graph]
        for node in reversed(given):
            first = next(iter(graph.nodes))
            if node not in known:
                with graph.inserting_before(first):
                    graph.placeholder(node.name)
            elif known[node] is not first:
                first.prepend(known[node])
        _make_readable(self.module, graph)
        return graph


@dataclass(frozen=True, slots=True)
class _Way:
    graph: fx.Graph
    shape: stats.Shape
    states: list[Any]


def trace(module: CompiledModule, method: Method) -> Call:
    """A method of a module as its call runs it, and as one pure region."""
    hosted = _traced(module, method, hosted=True)
    return Call(hosted, hosted if not hosted.program.hosted else _traced(module, method, hosted=False))


def _traced(module: CompiledModule, method: Method, *, hosted: bool) -> Traced:
    tracer = _Tracer(module, hosted)
    shape: list[stats.Shape] = []

    def run(root: nn.Module, *given: Any) -> Any:
        host, seed, *inputs = given if hosted else (None, *given)
        ctx = Context(seed, host=host)
        value = getattr(root, method.name)(ctx, *inputs)
        flat, layout = stats.flatten(ctx.record, _path_of_state)
        shape.append(layout)
        return value, flat

    names = [*(["host"] if hosted else []), "seed", *method.inputs]
    with traced_by(tracer):
        graph = _trace_function(tracer, module, run, names)
    first = next(iter(graph.nodes))
    if hosted and not first.users:
        graph.erase_node(first)
    _make_readable(module, graph)
    return Traced(program_of(module, graph, f"{type(module).__name__}_{method.name}"), shape[0])


def _trace_function(tracer: fx.Tracer, root: nn.Module, function: Callable[..., Any], names: Sequence[str]) -> fx.Graph:
    """`Tracer.trace` for a function of a module: its arguments have these names."""

    def create_args(root_fn: Any, is_module: bool, concrete_args: Any = None) -> Any:
        return function, [root, *(tracer.create_proxy("placeholder", name, (), {}) for name in names)]

    tracer.create_args_for_root = create_args  # type: ignore[method-assign]
    return tracer.trace(root)


def _path_of_state(state: Any) -> str:
    """The path of a state that was read while tracing."""
    assert isinstance(state, fx.Proxy) and state.node.op == "get_attr"
    return str(state.node.target)


def _readable_target(module: nn.Module, target: str) -> str:
    """The path as code can read it: a member that its class hides (`class`, `train`) is given a second name there."""
    here: Any = module
    labels = []
    for label in target.split("."):
        labels.append(label if label.isdigit() or isinstance(here, nn.ModuleDict) else _alias(here, label))
        here = here._modules.get(label)
    return ".".join(labels)


def _alias(owner: nn.Module, label: str) -> str:
    if readable(label) or type(owner).__module__.startswith("torch.") or is_called(type(owner), label):
        return label
    alias = f"{label}_"
    while alias in owner._modules or alias in owner._parameters or alias in owner._buffers:
        alias += "_"

    def read(self: nn.Module) -> Any:
        for table in (self._modules, self._parameters, self._buffers):
            if label in table:
                return table[label]
        raise AttributeError(label)

    setattr(type(owner), alias, property(read))
    return alias


def _make_readable(module: CompiledModule, graph: fx.Graph) -> None:
    """Lets the code of a graph read every member by its path."""
    for node in graph.nodes:
        if node.op in ("call_module", "get_attr"):
            node.target = _readable_target(module, str(node.target))
