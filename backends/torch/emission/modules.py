"""The texts of classes: what each holds, and the methods of its chunk. Classes with the same text are one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ....compiler.ir import Parameter
from ..expressions.writing import LITERAL
from .layout import Layout, Place
from .names import camel, readable

Methods = Mapping[str, Mapping[str, list[str]]]


class ClassTexts:
    """Classes in the order in which they may be defined."""

    def __init__(self, layout: Layout, methods: Methods) -> None:
        self.layout, self.methods = layout, methods
        self.classes: dict[str, str] = {}
        self.plain: set[str] = set()

    def text(self) -> str:
        return "\n\n".join(f"class {name}{body}" for name, body in self.classes.items())

    def root(self, model: str) -> str:
        """Adds the class of the whole model, and all it needs; its name."""
        return self.define(self.layout.root, camel(model) or "Model", self.methods.get("", {}))

    def define(self, place: Place, wanted: str, methods: Mapping[str, list[str]]) -> str:
        lines = ["(nn.Module):", "    def __init__(self):", "        super().__init__()"]
        lines += [f"        {self.member(place, label)}" for label in place.children]
        lines += [f"        {_parameter(parameter, name)}" for name, parameter in place.parameters.items()]
        for name, body in methods.items():
            *decorators, head = body[: 1 + body[0].startswith("@")]
            lines += ["", *(f"    {line}" for line in decorators), f"    def {name}{head}"]
            lines += [f"    {line}" for line in body[1 + len(decorators) :]]
        text = "\n".join(lines) + "\n"
        name, count = wanted, 1
        while self.classes.get(name, text) != text:
            count += 1
            name = f"{wanted}{count}"
        self.classes[name] = text
        if place.chunk and "forward" in methods and not methods["forward"][0].startswith("(self, ctx"):
            self.plain.add(name)
        return name

    def member(self, place: Place, label: str) -> str:
        made = self.maker(place.children[label])
        return f"self.{label} = {made}" if readable(label) else f'self._modules["{label}"] = {made}'

    def maker(self, place: Place) -> str:
        """The expression that makes the module of a place."""
        leaf = place.leaf
        if leaf is not None:
            kinds = {parameter.kind for parameter in place.parameters.values()}
            return leaf.text + (".requires_grad_(False)" if kinds == {"frozen"} else "")
        if place.is_list:
            made = [self.maker(place.children[str(i)]) for i in range(len(place.children))]
            alike = len(set(made)) == 1 and len(made) > 1
            return f"nn.ModuleList({made[0]} for _ in range({len(made)}))" if alike else f"nn.ModuleList([{', '.join(made)}])"
        if place.is_dict:
            entries = {label: self.maker(child) for label, child in place.children.items()}
            if len(set(entries.values())) == 1 and len(entries) > 1:
                return f"nn.ModuleDict({{name: {next(iter(entries.values()))} for name in {list(entries)!r}}})".replace("'", '"')
            return "nn.ModuleDict({" + ", ".join(f'"{label}": {made}' for label, made in entries.items()) + "})"
        if not (place.children or place.parameters or place.chunk):
            return "nn.Module()"
        return f"{self.define(place, self.class_name(place), self.methods.get(place.chunk, {}) if place.chunk else {})}()"

    def class_name(self, place: Place) -> str:
        """From the chunk, or from the nearest label that is a word."""
        path = place.chunk or place.path
        words = [part for part in path.replace("/", ".").split(".") if part and not part.isdigit()]
        return camel(words[-1]) if words else "Part"


def _parameter(parameter: Parameter, name: str) -> str:
    """The statement that makes a parameter or state, started as the graph says."""
    made = _initial(parameter)
    if parameter.kind == "state":
        return f'self.register_buffer("{name}", {made})' if readable(name) else f'self._buffers["{name}"] = {made}'
    frozen = ", requires_grad=False" if parameter.kind == "frozen" or not parameter.type.is_float else ""
    target = f"self.{name}" if readable(name) else f'self._parameters["{name}"]'
    return f"{target} = nn.Parameter({made}{frozen})"


def _initial(parameter: Parameter) -> str:
    shape = ", ".join(map(str, parameter.type.shape)) or "()"
    dtype = "" if parameter.type.dtype == "f32" else f", dtype={LITERAL[parameter.type.dtype]}"
    kind, value = parameter.init
    if kind == "uniform":
        return f"torch.empty({shape}{dtype}).uniform_({-value!r}, {value!r})"
    if kind == "normal":
        return f"torch.empty({shape}{dtype}).normal_(std={value!r})"
    sized = f"({shape},)" if parameter.type.shape else "()"
    if value in (0, 1):
        return f"torch.{'ones' if value else 'zeros'}({shape}{dtype})"
    literal = repr(value) if math.isfinite(value) else f'float("{value}")'
    return f"torch.full({sized}, {literal}{dtype})"
