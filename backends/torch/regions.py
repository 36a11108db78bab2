"""Regions: what a call computes, captured whole as a `torch.fx.GraphModule`.

A region owns nothing: its code runs with the module itself as `self`, so that it reads the module's own parameters, wherever
they are moved and whatever is loaded into them. Losses, decisions, rows and next states leave it as outputs beside the value.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn

from . import context, stats
from .context import Context
from .emission import Method
from .emission.names import readable
from .kernels import KERNELS

if TYPE_CHECKING:
    from .module import CompiledModule


@dataclass(frozen=True, slots=True)
class Region:
    """A traced call: its graph, the function that runs it, and what the flat outputs behind the value are.

    It holds no parameters, so copies of a module share it.
    """

    name: str
    graph: fx.Graph
    code: Callable[..., Any]
    shape: stats.Shape

    def over(self, module: nn.Module) -> fx.GraphModule:
        """The region as a module that has the module's own parameters and members (the same dictionaries), not copies."""
        graph_module = fx.GraphModule(module, fx.Graph(), class_name=self.name)
        graph_module.__dict__.update({table: module.__dict__[table] for table in ("_modules", "_parameters", "_buffers")})
        graph_module.graph = copy.deepcopy(self.graph)
        return graph_module

    def run(self, module: nn.Module, inputs: Sequence[Tensor]) -> tuple[Any, stats.Last]:
        """The value and what the call left."""
        value, left = self.code(module, module._seed, *inputs)
        return value, self.shape.last(module, left)


class _Tracer(fx.Tracer):
    """Traces the method of a module: kernels and plain chunks stay calls, all else is seen through."""

    proxy_buffer_attributes = True

    def __init__(self, namespace: types.ModuleType, plain: frozenset[str]) -> None:
        super().__init__(autowrap_functions=tuple(KERNELS.values()))
        # Functions are wrapped where emitted code and contexts look them up.
        self._autowrap_search += [namespace, context]
        self.namespace, self.plain = namespace, plain

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        emitted = type(m).__module__ == self.namespace.__name__
        return type(m).__name__ in self.plain if emitted else True

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, Tensor) and not isinstance(a, nn.Parameter) and a.ndim == 0 and a.device.type == "cpu":
            # A number written as a tensor: made anew in each call, and not an attribute of the module.
            return self.create_node("call_function", torch.tensor, (a.item(),), {"dtype": a.dtype})
        return super().create_arg(a)


def trace(module: CompiledModule, method: Method) -> Region:
    """The region of a method of a module."""
    tracer = _Tracer(module.namespace, module.sources.plain)
    shape: list[stats.Shape] = []

    def run(root: nn.Module, seed: Any, *inputs: Any) -> Any:
        ctx = Context(seed)
        value = getattr(root, method.name)(ctx, *inputs)
        flat, layout = stats.flatten(ctx, _path_of_state)
        shape.append(layout)
        return value, flat

    traced = _trace_function(tracer, module, run, ("seed", *method.inputs))
    name = f"{type(module).__name__}_{method.name}"
    graph_module = _module(module, traced, name)
    region = Region(name, graph_module.graph, type(graph_module).forward, shape[0])
    region.graph.owning_module = None
    return region


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
    if readable(label) or type(owner).__module__.startswith("torch."):
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


def _module(module: CompiledModule, graph: fx.Graph, name: str) -> fx.GraphModule:
    """The graph with its code."""
    for node in graph.nodes:
        if node.op in ("call_module", "get_attr"):
            node.target = _readable_target(module, str(node.target))
    graph_module = fx.GraphModule(module, graph, class_name=name)
    graph_module.graph.eliminate_dead_code()
    graph_module.graph.lint()
    graph_module.recompile()
    return graph_module
