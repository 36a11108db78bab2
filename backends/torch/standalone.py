"""The standalone module: the same classes as text, with the source of the kernels that they use, importable with torch alone."""

from __future__ import annotations

import ast
import inspect
import re
import types
from dataclasses import replace
from typing import Any

from ...compiler.bodies import map_bodies
from ...compiler.ir import Attrs, Graph, Node, rebuild
from ...compiler.planning.guards import unguarded
from . import context, kernels
from .emission import ALL, Sources, emit
from .emission.classes import Method
from .foreign.chunks import foreign_nodes
from .foreign.steps import refuse_captured
from .kernels import KERNELS

FROM = {"cache": "from functools import cache", "Any": "from typing import Any"}
"""Names of the standard library that kernels import by themselves."""


def standalone(eval_graph: Graph, train_graph: Graph | None = None) -> str:
    """The text of a Python module that needs torch alone: the same `state_dict`, the same outputs. `CompileError` where a chunk
    is run by something else."""
    if elsewhere := foreign_nodes(eval_graph):
        places = {path: node.span for path, node in elsewhere.items()}
        hint = "call it by `chunkc.compile`, or put a written chunk in its place: `--bind NAME=FILE`"
        refuse_captured(places, "a standalone module", hint)
    train = eval_graph if train_graph is None else train_graph
    # No host stands by to remember anything, to ask guards or to move chunks.
    graphs = [replace(unguarded(forgetful(all_present(graph))), schedule=()) for graph in (eval_graph, train)]
    sources = emit(*graphs, together=False)
    # What is derived is computed in each call here: nothing tells a plain module when it dies.
    classes = re.sub(r"^ +@derived\(.*\)\n", "", _with_forward(sources, eval_graph), flags=re.MULTILINE)
    needed = _functions(classes)
    body = "\n\n\n".join([*(text.strip("\n") for text in needed.values()), classes.strip("\n")])
    used = _names(body)
    standard = [f"import {name}" for name in ("hashlib", "math") if name in used]
    standard += [line for name, line in FROM.items() if name in used]
    names = ", ".join(name for name in ("Tensor", "nn") if name in used)
    torch = ["import torch", *(["import torch.nn.functional as F"] if "F" in used else []), f"from torch import {names}"]
    imports = "\n\n".join("\n".join(lines) for lines in (standard, torch) if lines)
    return f'"""{_title(eval_graph)}"""\n\nfrom __future__ import annotations\n\n{imports}\n\n\n{body}\n'


def forgetful(graph: Graph) -> Graph:
    """The graph with its cached parts in their callers, as plain calls: a plain module has nothing that outlives a call."""

    def plain(node: Node) -> Node | None:
        if node.attrs.get("word") != "cached":
            return None
        return replace(node, attrs=Attrs({name: value for name, value in node.attrs.items() if name != "word"}))

    return map_bodies(graph, lambda body: rebuild(body, plain))


def all_present(graph: Graph) -> Graph:
    """The graph with all of its chunks there: a plain module holds them."""

    def there(node: Node) -> Node | None:
        if node.op != "present":
            return None
        return Node("ones", (), Attrs(shape=node.shape, dtype="bool"), node.type, node.span, node.name)

    return map_bodies(graph, lambda body: rebuild(body, there))


def _title(graph: Graph) -> str:
    inputs = ", ".join(f"{node.attrs['name']}: {node.type}" for node in graph.inputs)
    outputs = ", ".join(f"{name}: {node.type}" for name, node in graph.outputs)
    return f"`{graph.name}`, written by chunkc.\n\nTakes {inputs or 'nothing'}; gives {outputs}.\n"


# ---- the forward of the whole


def _with_forward(sources: Sources, graph: Graph) -> str:
    """The classes, the outer one with a `forward` for users."""
    names = [name for name, _ in graph.outputs]
    methods = sources.entries
    first = methods[False, names[0]]
    if len(names) == 1 and not sources.contextual and methods[True, names[0]].name == first.name:
        return sources.text.replace(f"def {first.name}(self, ctx", "def forward(self", 1)
    start = "        self.seed = 0\n        self.record = None\n"
    marker = f"class {sources.name}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    assert marker in sources.text
    text = sources.text.replace(marker, marker + start).rstrip("\n")
    return f"{text}\n\n{_forward(methods, names)}\n\n{LOSSES}"


LOSSES = '''    def losses(self):
        """The named losses of the last call in training."""
        return {} if self.record is None else self.record.losses
'''


def _forward(methods: dict[tuple[bool, str], Method], names: list[str]) -> str:
    inputs = list(methods[False, names[0]].inputs)
    many = len(names) > 1
    signature = ", ".join(["self", *inputs, *(["outputs=None"] if many else [])])
    arguments = ", ".join(["ctx", *inputs])
    lines = [f"    def forward({signature}):"]
    if many:
        listed = ", ".join(names)
        lines.append(f'        """`{names[0]}`; or the output of that name, or a dictionary of those in a list ({listed})."""')
    lines.append("        ctx = Context(self.seed)")

    def call(which: str, indent: str) -> list[str]:
        run, train = methods[False, which].name, methods[True, which].name
        chosen = f"self.{run}" if run == train else f"(self.{train} if self.training else self.{run})"
        return [f"{indent}value = {chosen}({arguments})"]

    if many:
        for i, name in enumerate(names):
            asked = f'outputs == "{name}"' if i else f'outputs is None or outputs == "{name}"'
            lines += [f"        {'elif' if i else 'if'} {asked}:", *call(name, "            ")]
        lines += ["        else:", *call(ALL, "            "), "            value = {name: value[name] for name in outputs}"]
    else:
        lines += call(names[0], "        ")
    lines += [
        "        with torch.no_grad():",
        "            for state, next_value in ctx.record.nexts:",
        "                state.copy_(next_value)",
        "        if self.training and ctx.drawn():",
        "            self.seed += 1",
        "        self.record = ctx.record",
        "        return value",
    ]
    return "\n".join(lines)


# ---- the functions that the classes use


def _names(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _functions(text: str) -> dict[str, str]:
    """Sources by name of the kernels (and `Context`) that a text names, and of all that they use, each after what it uses."""
    found: dict[str, str] = {}
    names, called = _names(text), _attributes(ast.parse(text))

    def add(name: str, value: Any) -> None:
        if name in found:
            return
        text = inspect.getsource(value) if value is not context.Context else _methods_used(value, called)
        found[name] = ""
        home = vars(inspect.getmodule(value))
        for other in sorted(_names(text)):
            if other != name and _ours(home.get(other)):
                add(other, home[other])
        del found[name]
        found[name] = text

    available = {**KERNELS, "Context": context.Context}
    for name in sorted(names & available.keys()):
        add(name, available[name])
    return found


def _attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _methods_used(cls: type, called: set[str]) -> str:
    """The source of a class without the methods that neither `called` nor what these call names."""
    source = inspect.getsource(cls)
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    methods = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    wanted: set[str] = set()
    ahead = {"__init__"} | (called & methods.keys())
    while ahead:
        wanted |= ahead
        ahead = {name for method in ahead for name in _attributes(methods[method]) & methods.keys()} - wanted
    lines = source.splitlines()
    dropped = {i for name, node in methods.items() if name not in wanted for i in range(node.lineno - 1, node.end_lineno or 0)}
    kept = [line for i, line in enumerate(lines) if i not in dropped]
    return "\n".join(line for line, following in zip(kept, [*kept[1:], "end"]) if line or following)


def _ours(value: Any) -> bool:
    """Whether a global of a kernel is a function or class of this backend."""
    value = inspect.unwrap(value) if callable(value) else value
    home = getattr(value, "__module__", "") or ""
    kinds = isinstance(value, (types.FunctionType, type))
    return kinds and (home == context.__name__ or home.startswith(kernels.__name__))
