"""The host loop: a call is regions, and host steps between them, in the order in which they were traced."""

from __future__ import annotations

import copy
import linecache
import operator
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import fx, nn
from torch.fx.node import map_arg

from .derived import methods_of
from .hosting import HOST_STEPS
from .residing.steps import check

WRAPPED, LEAF = "is_wrapped", "is_leaf"
"""The mark of torch.fx on nodes whose functions stay calls when their code is traced again. Code with such nodes is registered
for as long as the process runs, and each trace goes through all that is: so regions, whose code nothing traces, have our mark."""
TEXTS: dict[str, str] = getattr(getattr(fx.graph_module, "_loader", None), "eval_cache", {})
"""Of all code that torch.fx has written in this process."""


@dataclass(frozen=True, slots=True)
class Region:
    """A pure part of a call: its graph, and the function that runs it with the module as `self`.

    It holds no parameters, so copies of a module share it. `takes` and `gives` name the values that it is handed and leaves.
    """

    name: str
    graph: fx.Graph
    code: Callable[..., Any]
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """Paths of the parameters and members that it reads."""

    def over(self, module: nn.Module) -> fx.GraphModule:
        """The region as a module that has the module's own parameters and members (the same dictionaries), not copies."""
        graph_module = fx.GraphModule(module, fx.Graph(), class_name=self.name)
        graph_module.__dict__.update({table: module.__dict__[table] for table in ("_modules", "_parameters", "_buffers")})
        # Methods of its class that are read as attributes; these the graph module's own class lacks.
        graph_module.__dict__.update({name: getattr(module, name) for name in methods_of(type(module))})
        graph = copy.deepcopy(self.graph)
        for node in graph.nodes:
            if LEAF in node.meta:
                node.meta[WRAPPED] = True
        graph_module.graph = graph
        return graph_module


@dataclass(frozen=True, slots=True)
class HostCall:
    """One host step: its function, its arguments with nodes in the place of values, and the name of what it gives.

    `picks` are parts of that which others read: the name of each, what it is a part of, and at which place."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    gives: str
    picks: tuple[tuple[str, str, Any], ...] = ()

    @property
    def reads(self) -> set[str]:
        """The names of the values among its arguments."""
        found: list[fx.Node] = []
        map_arg((self.args, self.kwargs), found.append)
        return {node.name for node in found if node.op != "get_attr"}


@dataclass(frozen=True, slots=True)
class Program:
    """What a call runs. `dead[i]`: the values that nothing reads after step i, given back to the allocator there."""

    takes: tuple[str, ...]
    steps: tuple[Region | HostCall, ...]
    dead: tuple[tuple[str, ...], ...]
    result: Any

    @property
    def regions(self) -> tuple[Region, ...]:
        """In their order, those of branches where the branch stands."""
        found: list[Region] = []
        for step in self.steps:
            if isinstance(step, Region):
                found.append(step)
            else:
                parts = [part for arg in step.args if isinstance(arg, tuple) for part in arg if isinstance(part, Program)]
                found += [region for part in parts for region in part.regions]
        return tuple(found)

    @property
    def hosted(self) -> bool:
        """Whether there are host steps."""
        return any(isinstance(step, HostCall) for step in self.steps)

    def run(self, module: nn.Module, given: Sequence[Any]) -> Any:
        """The result for these arguments."""
        if len(self.steps) == 1 and isinstance(self.steps[0], Region) and not self.steps[0].gives:
            check(module, self.steps[0].reads)
            return self.steps[0].code(module, *given)
        values = dict(zip(self.takes, given))

        def read(node: fx.Node) -> Any:
            # What the module stores is read from it, where it is used.
            return _stored(module, str(node.target)) if node.op == "get_attr" else values[node.name]

        for step, dead in zip(self.steps, self.dead):
            if isinstance(step, Region):
                check(module, step.reads)
                values.update(zip(step.gives, step.code(module, *(values[name] for name in step.takes))))
            else:
                values[step.gives] = step.function(*map_arg(step.args, read), **map_arg(step.kwargs, read))
                for name, source, place in step.picks:
                    values[name] = values[source][place]
            for name in dead:
                del values[name]
        return map_arg(self.result, read)


def _stored(module: nn.Module, path: str) -> Any:
    """The parameter, buffer or member at a path."""
    found: Any = module
    for label in path.split("."):
        found = getattr(found, label)
    return found


def program_of(module: nn.Module, graph: fx.Graph, name: str, *, part: bool = False) -> Program:
    """The program of a traced graph, cut at its host steps. Without any it is one region: the graph as it is. A `part` of a
    call that computes nothing has none."""
    # What a host step does to the module's objects is no value: it is not dead where nothing reads its result.
    graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output") or is_host(node))
    graph.lint()
    takes = tuple(node.name for node in graph.nodes if node.op == "placeholder")
    empty = all(node.op in ("placeholder", "get_attr", "output") for node in graph.nodes)
    if not any(map(is_host, graph.nodes)) and not (part and empty):
        return Program(takes, (_whole(module, graph, name),), ((),), None)
    return _cut(module, graph, name, takes)


def is_host(node: fx.Node) -> bool:
    """Whether a node is the call of a host step."""
    return node.op == "call_function" and HOST_STEPS.get(getattr(node.target, "__name__", "")) is node.target


def _whole(module: nn.Module, graph: fx.Graph, name: str, takes: tuple[str, ...] = (), gives: tuple[str, ...] = ()) -> Region:
    for node in graph.nodes:
        if node.meta.pop(WRAPPED, False):
            node.meta[LEAF] = True
    graph_module = fx.GraphModule(module, graph, class_name=name)
    reads = dict.fromkeys(str(node.target) for node in graph.nodes if node.op in ("get_attr", "call_module"))
    forward = type(graph_module).forward
    weakref.finalize(forward, _forget, forward.__code__.co_filename).atexit = False
    region = Region(name, graph_module.graph, forward, takes, gives, tuple(reads))
    region.graph.owning_module = None
    return region


def _forget(name: str) -> None:
    """The text of a region, which torch.fx keeps for tracebacks, goes with it."""
    linecache.cache.pop(name, None)
    TEXTS.pop(name, None)


def _cut(module: nn.Module, graph: fx.Graph, name: str, takes: tuple[str, ...]) -> Program:
    (output,) = (node for node in graph.nodes if node.op == "output")
    steps: list[Region | HostCall] = []
    for part in _parts(graph):
        if isinstance(part, fx.Node):
            assert callable(part.target)
            picks = tuple((pick.name, str(pick.args[0]), pick.args[1]) for pick in _picks(part))
            steps.append(HostCall(part.target, part.args, dict(part.kwargs), part.name, picks))
        else:
            steps += _region(module, part, f"{name}_{len(steps)}")
    kept = {node.name for node in output.all_input_nodes if node.op != "get_attr"}
    return Program(takes, tuple(steps), tuple(_dead(steps, kept)), output.args[0])


def _parts(graph: fx.Graph) -> Iterator[fx.Node | list[fx.Node]]:
    """Host steps, and the runs of nodes between them."""
    run: list[fx.Node] = []
    picked: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op in ("placeholder", "output") or node in picked:
            continue
        if is_host(node):
            picked.update(_picks(node))
            if run:
                yield run
            run = []
            yield node
        else:
            run.append(node)
    if run:
        yield run


def _picks(source: fx.Node) -> Iterator[fx.Node]:
    """The nodes that only read parts of what a host step gives, and parts of these."""
    for node in source.users:
        if node.target is operator.getitem and node.args[0] is source and isinstance(node.args[1], int):
            yield node
            yield from _picks(node)


def _region(module: nn.Module, part: list[fx.Node], name: str) -> Iterator[Region]:
    """The region of a run of nodes; none where nothing else reads them."""
    inside = set(part)

    # A stored tensor is no result of a region: whoever needs it reads it.
    gives = [node for node in part if node.op != "get_attr" and any(user not in inside for user in node.users)]
    if not gives:
        return
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    takes = dict.fromkeys(o for node in part for o in node.all_input_nodes if o not in inside and o.op != "get_attr")
    for node in takes:
        copies[node] = graph.placeholder(node.name)
    for node in part:
        for other in node.all_input_nodes:
            if other not in copies:
                copies[other] = graph.node_copy(other)
        copies[node] = graph.node_copy(node, lambda one: copies[one])
    graph.output(tuple(copies[node] for node in gives))
    yield _whole(module, graph, name, tuple(node.name for node in takes), tuple(node.name for node in gives))


def _dead(steps: Sequence[Region | HostCall], kept: set[str]) -> list[tuple[str, ...]]:
    """For each step the values that are read by it, or given, and not after it. `kept`: what the result reads."""
    found: list[tuple[str, ...]] = []
    later = set(kept)
    for step in reversed(steps):
        if isinstance(step, Region):
            touched = {*step.takes, *step.gives}
        else:
            touched = {*step.reads, step.gives, *(name for name, _, _ in step.picks)}
        found.append(tuple(sorted(touched - later)))
        later |= touched
    return found[::-1]
