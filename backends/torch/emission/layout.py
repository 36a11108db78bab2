"""The tree of modules: what stands at each path of the state dict, and how a body reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ....compiler.ir import Frame, Graph, Node, Parameter
from .leaves import Leaf, leaf_of
from .names import readable


@dataclass(slots=True, eq=False)
class Place:
    """One module. `chunk` is the key of the chunk whose body runs here ("" for a mere container)."""

    path: str
    label: str
    children: dict[str, Place] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    chunk: str = ""
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def leaf(self) -> Leaf | None:
        """The module of `torch.nn` that this is, if all uses agree."""
        if not self.leaves or self.children or len(set(self.leaves)) != 1:
            return None
        return self.leaves[0] if set(self.parameters) == set(self.leaves[0].slots) else None

    @property
    def is_list(self) -> bool:
        """Members called 0, 1, 2 …: a `ModuleList`."""
        labels = [str(i) for i in range(len(self.children))]
        return bool(labels and self.path) and not self.chunk and not self.parameters and sorted(self.children) == sorted(labels)

    @property
    def is_dict(self) -> bool:
        """Members with names of which some cannot be attributes, or an array of named chunks: a `ModuleDict`."""
        members = bool(self.children) and all(child.chunk for child in self.children.values())
        plain = bool(self.path) and not self.chunk and not self.parameters and not self.is_list
        return plain and members and all(readable(label) or label.isdigit() for label in self.children) and not self._methods()

    def _methods(self) -> bool:
        return bool({"keys", "items", "values", "pop", "clear", "update"} & set(self.children))

    def read(self, label: str) -> str:
        """What to write behind this module to read a member or parameter."""
        if label in self.parameters:
            table = "_buffers" if self.parameters[label].kind == "state" else "_parameters"
            return f".{label}" if readable(label) else f'.{table}["{label}"]'
        if self.is_list:
            return f"[{label}]"
        if self.is_dict:
            return f'["{label}"]'
        return f".{label}" if readable(label) else f'._modules["{label}"]'


class Layout:
    """All places of a model, from its parameters and the frames that its calls enter."""

    def __init__(self, parameters: Iterable[Parameter], graphs: Iterable[Graph]) -> None:
        self.root = Place("", "")
        self.keys: dict[str, str] = {"": ""}
        for parameter in parameters:
            *segments, name = parameter.path.split(".")
            self.place(".".join(segments)).parameters[name] = parameter
        for graph in graphs:
            for frame, body in frames(graph, Frame(), self.keys, set()):
                self._visit(frame, body)

    def place(self, path: str) -> Place:
        """The place at a path, made if it is not there yet."""
        here = self.root
        for label in path.split(".") if path else ():
            full = f"{here.path}.{label}" if here.path else label
            here = here.children.setdefault(label, Place(full, label))
        return here

    def _visit(self, frame: Frame, body: Graph) -> None:
        self.place(frame.prefix[:-1]).chunk = self.keys[frame.prefix]
        for node in body.nodes:
            leaf = leaf_of(node)
            if leaf is not None:
                weight = node.operands[1 if "slots" not in node.attrs else node.attrs["slots"].index("weight")]
                self.place(frame.resolve(weight).rpartition(".")[0]).leaves.append(leaf)

    def read(self, prefix: str, path: str, base: str = "self") -> str:
        """The text that reads what stands at a path relative to the module at `prefix`."""
        here, text = self.place(prefix.rstrip(".")), base
        for label in path.split("."):
            text += here.read(label)
            here = here.children.get(label) or Place("", label)
        return text


def frames(graph: Graph, frame: Frame, keys: dict[str, str], seen: set[tuple[int, str]]) -> Iterator[tuple[Frame, Graph]]:
    """Every body with every frame that it runs in, the graph itself first. `keys` is told the chunk of each prefix, without
    members."""
    if (id(graph), frame.prefix) in seen:
        return
    seen.add((id(graph), frame.prefix))
    yield frame, graph
    for node in graph.nodes:
        if node.op == "apply" and node.attrs["body"] is not None:
            for member in node.attrs["members"]:
                inner = frame.enter(node, member)
                if node.attrs["chunk"]:
                    keys[inner.prefix] = chunk_key(frame, node, keys)
                yield from frames(node.attrs["body"], inner, keys, seen)


def chunk_key(frame: Frame, apply: Node, keys: dict[str, str]) -> str:
    """The chunk that a call runs, the same for all members of arrays around it."""
    return f"{keys[frame.out(apply.attrs['up']).prefix]}/{apply.attrs['chunk']}"
