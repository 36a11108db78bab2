"""The standalone module: the same classes as text, with the source of the kernels that they use, importable with torch alone."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterable
from typing import Any

from ...compiler.ir import Graph
from . import context, kernels
from .emission import ALL, Sources, emit
from .emission.classes import Method
from .kernels import KERNELS

MODULES = ("hashlib", "math", "torch")
"""Modules that a standalone text may import by their name."""


def standalone(eval_graph: Graph, train_graph: Graph | None = None) -> str:
    """The text of a Python module that needs torch alone: the same `state_dict`, the same outputs."""
    train = eval_graph if train_graph is None else train_graph
    sources = emit(eval_graph, train)
    classes = _with_forward(sources, eval_graph)
    needed = _functions(_names(classes))
    body = "\n\n".join(["\n\n\n".join(text.strip("\n") for text in needed.values()) + "\n" if needed else "", classes]).strip("\n")
    used = _names(body)
    imports = [f"import {name}" for name in MODULES if name in used or name == "torch"]
    imports += ["import torch.nn.functional as F"] if "F" in used else []
    if "lru_cache" in used:
        imports.insert(len([name for name in MODULES[:2] if name in used]), "from functools import lru_cache")
    if "Any" in used:
        imports.insert(len(imports) - (2 if "F" in used else 1), "from typing import Any")
    names = ", ".join(name for name in ("Tensor", "nn") if name in used)
    head = f'"""{_title(eval_graph)}"""\n\nfrom __future__ import annotations\n\n'
    return head + _grouped(imports) + f"from torch import {names}\n\n\n{body}\n"


def _title(graph: Graph) -> str:
    inputs = ", ".join(f"{node.attrs['name']}: {node.type}" for node in graph.inputs)
    outputs = ", ".join(f"{name}: {node.type}" for name, node in graph.outputs)
    return f"`{graph.name}`, written by chunkc.\n\nTakes {inputs or 'nothing'}; gives {outputs}.\n"


def _grouped(imports: list[str]) -> str:
    """The standard library first, then torch."""
    standard = [line for line in imports if "torch" not in line]
    other = [line for line in imports if "torch" in line]
    return "".join("\n".join(lines) + end for lines, end in ((standard, "\n\n"), (other, "\n")) if lines)


# ---- the forward of the whole


def _with_forward(sources: Sources, graph: Graph) -> str:
    """The classes, the outer one with a `forward` for users."""
    names = [name for name, _ in graph.outputs]
    methods = sources.entries
    first = methods[False, names[0]]
    if len(names) == 1 and not sources.contextual:
        if methods[True, names[0]].name == first.name:
            return sources.text.replace(f"def {first.name}(self, ctx, ", "def forward(self, ").replace(f"def {first.name}(self, ctx)", "def forward(self)")
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
        lines.append(f'        """`{names[0]}`; or the output of that name, or a dictionary of those in a list: {", ".join(names)}."""')
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


def _functions(names: Iterable[str]) -> dict[str, str]:
    """Sources by name of the kernels (and `Context`) named, and of all that they use, each after what it uses."""
    found: dict[str, str] = {}

    def add(name: str, value: Any) -> None:
        if name in found:
            return
        text = inspect.getsource(value)
        found[name] = ""
        home = vars(inspect.getmodule(value))
        for other in sorted(_names(text)):
            if other != name and _ours(home.get(other)):
                add(other, home[other])
        del found[name]
        found[name] = text

    available = {**KERNELS, "Context": context.Context}
    for name in sorted(set(names) & available.keys()):
        add(name, available[name])
    return found


def _ours(value: Any) -> bool:
    """Whether a global of a kernel is a function or class of this backend."""
    value = inspect.unwrap(value) if callable(value) else value
    home = getattr(value, "__module__", "") or ""
    kinds = isinstance(value, (types.FunctionType, type))
    return kinds and (home == context.__name__ or home.startswith(kernels.__name__))
