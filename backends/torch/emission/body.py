"""One body as the statements of a function: a value that is read once stands where it is read, the others have names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ....compiler.dims import Dim, Size
from ....compiler.ir import Frame, Graph, Node, users
from ....compiler.kernels import kernel_of
from ....compiler.mixing import with_positions
from ....compiler.ops import OPS
from ....compiler.plan import RESIDENCY, Block, Step
from ....compiler.planning.packing import packs
from ....compiler.types import RecordType, SelectionType, TensorType
from ..expressions import EXPRESSIONS, LIKE, Fusion, bare, fusion
from ..expressions.writing import WITH_NUMBERS, is_number
from .deciding import deciding
from .deriving import derived_call
from .grouping import grouped_text
from .marking import mark
from .names import Names
from .outside import outside_text
from .packed import packed_call
from .partial import fused_text
from .selecting import selection_lines
from .sizes import size_text
from .text import atom, number, tidy, uses_name

if TYPE_CHECKING:
    from .classes import Shop
    from .guarding import Routed
    from .laddering import Rungs

LONGEST = 90
"""How long a text may be to stand where it is read."""


class Body:
    """Writes the steps of a block. `inputs` are the texts of the graph's inputs; `frame` is where it runs (any member, for an
    array)."""

    def __init__(
        self, shop: Shop, block: Block, frame: Frame, inputs: Mapping[Node, str], names: Names, ctx: str, positional: set[Node]
    ) -> None:
        self.shop, self.block, self.frame, self.names, self.ctx = shop, block, frame, names, ctx
        self.graph: Graph = block.graph
        self.lines: list[str] = []
        self.texts: dict[Node, str] = dict(inputs)
        self.fields: dict[tuple[Node, str], str] = {}
        self.first_lines: list[str] = []
        self.symbols: dict[str, str] = {}
        self.routes: dict[Node, Routed] = {}
        self.parts: dict[Node, dict[int, str]] = {}
        self.ladders: dict[Node, Rungs] = {}
        self.raised: dict[Node, str] = {}
        self.captures: dict[tuple[int, str], str] = {}
        self.outer: Body | None = None
        self.sealed = False
        """Whether parameters come as arguments, those of its own frame too: what a derived value is made of is told."""
        self.decisions: list[str] = []
        self.logged = False
        """Whether the steps written here tell that they run. Not those of a derived value, which is there before the call, nor
        those of members that run together, which are one step."""
        self.each = ""
        """What holds the parameters of the members whose rows these are, where they run together."""
        self.positional = with_positions(self.graph, positional)
        self.uses = Counter(operand for node in self.graph.nodes for operand in node.operands)
        roots = self.graph.roots
        self.uses.update(node for node in roots)
        self.scores = deciding(self.graph)
        self.kept_names = {node: names.fresh(name) for name, node in self.graph.outputs if name and node.name == name}
        self.states = {state.attrs["path"] for state, _ in self.graph.nexts if not state.attrs["up"]}
        self.fused = self._fusions()

    def _fusions(self) -> dict[Node, Fusion]:
        readers, roots = users(self.graph), frozenset(self.graph.roots)
        found = {node: made for node in self.graph.nodes if (made := fusion(node, readers, roots)) is not None}
        for made in found.values():
            for node in made.skips:
                self.uses[node] = 0
            for node in made.reads:
                self.uses[node] += 1
        self.skipped = {node for made in found.values() for node in made.skips}
        return found

    # ---- statements

    def write(self) -> None:
        """All steps, in order."""
        from .caching import write_cached
        from .fusing import routed, write_fuse
        from .laddering import write_ladder
        from .residing import write_resident

        for step in self.block.steps:
            if step.kind == "remember":
                write_cached(self, step.nodes[0])
            elif step.kind in ("compute", "draw") and not step.ways:
                mark(self, step)
                for node in step.nodes:
                    self.node(node)
            elif step.nodes and step.nodes[0].op == "ladder":
                write_ladder(self, step)
            elif step.kind == "select":
                mark(self, step)
                self.select(step.nodes[0])
            elif step.kind == "dispatch":
                combine = next(s for s in self.block.steps if s.kind == "combine" and s.ways is step.ways)
                routed(self, combine.nodes[0], combine)
            elif step.kind == "combine":
                write_fuse(self, step.nodes[0], step)
            elif step.kind in RESIDENCY or step.part is not None:
                write_resident(self, step)
            elif step.kind == "each" and not step.rows:
                mark(self, step)
                self.call(step.nodes[0])
        self.records()

    def records(self) -> None:
        steps = iter([step for step in self.block.steps if step.kind == "record"])
        for name, node in self.graph.losses if self.graph.training else ():
            mark(self, next(steps))
            self.line(f'{self.ctx}.loss("{name}", {bare(self.tensor(node))})')
        for state, value in self.graph.nexts:
            mark(self, next(steps))
            self.line(f"{self.ctx}.next({self.reference(state)}, {bare(self.tensor(value))})")

    def line(self, text: str) -> None:
        self.lines.append(tidy(text))

    def node(self, node: Node) -> None:
        """An op of the table, a field, or a fuse that is computed densely."""
        if node in self.skipped:
            return
        if node.op == "field":
            self.field(node)
        elif node.op == "fuse":
            from .fusing import write_fuse

            write_fuse(self, node, None)
        else:
            self.define(node, self.expression(node))

    def define(self, node: Node, text: str, *, named: bool = False) -> None:
        """Gives a node its text, or a line and a name."""
        once = self.uses[node] <= 1 and not node.name and len(text) <= LONGEST and not self._looped(node) and not self.logged
        if once and not named:
            self.texts[node] = text
            return
        score = self.scores.get(node)
        if score is not None and node.tensor.dtype == "f32" and all(reader in score.read_by for reader in score.readers):
            # Nothing else reads it, so it is raised where it is made.
            name, text = self.names.fresh(f"{score.path}_score"), f"at_least_f32({bare(text)})"
            self.raised[node] = name
        else:
            name = self.kept_names.get(node) or self.names.fresh(node.name or node.op)
        self.line(f"{name} = {bare(text)}")
        self.texts[node] = name

    def _looped(self, node: Node) -> bool:
        """Whether a node is read inside the ways of a fuse, where it would be computed once a way."""
        return any(node in way.arguments for step in self.block.steps if step.rows for way in step.ways)

    def expression(self, node: Node) -> str:
        """The text of an op."""
        if self.each and (text := grouped_text(self, node)):
            return text
        if made := self.fused.get(node):
            return fused_text(self, node, made)
        module = self.shop.module_call(self, node)
        if module is not None:
            return module
        as_numbers = node.op in WITH_NUMBERS
        operands = tuple(
            self.tensor(operand) if is_number(operand) and not as_numbers else self.read(operand, node)
            for operand in node.operands
        )
        if OPS[node.op].random or OPS[node.op].outside:
            return outside_text(self, node, operands)
        return atom(self.like(EXPRESSIONS[node.op](node, operands, self.size)))

    # ---- texts of values

    def text(self, node: Node) -> str:
        """The text that reads a value: an atom."""
        if node not in self.texts:
            if node.op == "const":
                return number(node.attrs["value"])
            if node.op in ("param", "state"):
                own = node.op == "state" and node.attrs["path"] in self.states and not node.attrs["up"]
                # The state is written when the call ends: what the backward pass saved must not be that tensor.
                return self.reference(node) + (".clone()" if own else "")
            raise KeyError(f"{node} has no value yet")
        return self.texts[node]

    def read(self, node: Node, reader: Node) -> str:
        """The text of an operand: of a score, at least f32 for what decides with it."""
        score = self.scores.get(node)
        return self.score(node) if score is not None and reader in score.read_by else self.text(node)

    def score(self, node: Node) -> str:
        """A score as what decides reads it: at least f32, whatever the module was moved to."""
        if node.tensor.dtype != "f32" or is_number(node):
            return self.tensor(node)
        if node not in self.raised:
            self.raised[node] = self.names.fresh(f"{self.scores[node].path}_score")
            self.line(f"{self.raised[node]} = at_least_f32({bare(self.text(node))})")
        return self.raised[node]

    def tensor(self, node: Node) -> str:
        """The text of a value that must be a tensor, not a Python number."""
        if not is_number(node):
            return self.text(node)
        dtype = {"f32": f"{LIKE}.dtype", "bool": "torch.bool", "i64": "torch.int64"}.get(node.tensor.dtype)
        return self.like(f"{LIKE}.new_full((), {self.text(node)}" + (f", dtype={dtype})" if dtype else ")"))

    def reference(self, node: Node) -> str:
        """The parameter or state itself, here or further out."""
        return self.reach(node.attrs["up"], str(node.attrs["path"]))

    def reach(self, up: int, path: str) -> str:
        """The text of a parameter or module `up` frames out: an argument of the function where it is not its own module's."""
        if self.outer is not None:
            return self.outer.reach(up, path)
        if up == 0 and not self.sealed:
            return self.shop.layout.read(self.frame.prefix, path)
        if (up, path) not in self.captures:
            outer = "outer_" * up if self.sealed else ""  # so that other sources make another text
            self.captures[up, path] = self.names.fresh(outer + path.replace(".", "_"))
        return self.captures[up, path]

    def size(self, size: Size) -> str:
        return size_text(size, self.symbol)

    def symbol(self, name: str) -> str:
        """The name of a run-time dimension, read from the shape of the first input where it stands bare."""
        if name not in self.symbols:
            for node in self.graph.inputs:
                shape = node.tensor.shape
                places = [i for i, size in enumerate(shape) if isinstance(size, Dim) and not size.compound and str(size) == name]
                if places:
                    self.symbols[name] = self.names.fresh(name)
                    self.first_lines.append(f"{self.symbols[name]} = {self.texts[node]}.shape[{places[0]}]")
                    return self.symbols[name]
            raise KeyError(f"no input of {self.graph.name or 'this body'} has the size {name}")
        return self.symbols[name]

    def like(self, text: str) -> str:
        """The text with a value or parameter of the model's dtype in the place of `like`."""
        return uses_name(text, LIKE, self.like_text) if LIKE in text else text

    def like_text(self) -> str:
        for node in self.graph.inputs:
            if isinstance(node.type, TensorType) and node.tensor.dtype == "f32":
                return self.texts[node]
        for node in self.graph.nodes:
            if node.op in ("param", "state") and node.tensor.dtype == "f32":
                return self.reference(node)
        if not self.fields.get((self.graph.nodes[0], LIKE)):
            name = self.fields[self.graph.nodes[0], LIKE] = self.names.fresh("scalar")
            source = self.texts[self.graph.inputs[0]] if self.graph.inputs else "torch"
            made = f"{source}.new_zeros((), dtype=torch.float32)" if source != "torch" else "torch.zeros(())"
            self.first_lines.append(f"{name} = {made}")
        return self.fields[self.graph.nodes[0], LIKE]

    # ---- selections, calls, records

    def select(self, node: Node) -> None:
        selection_lines(self, node)

    def field(self, node: Node) -> None:
        source, name = node.operands[0], str(node.attrs["name"])
        if isinstance(source.type, SelectionType):
            self.texts[node] = self.selected(source, name)
        elif isinstance(source.type, RecordType) and (source, name) in self.fields:
            self.texts[node] = self.fields[source, name]
        elif isinstance(source.type, RecordType):
            self.texts[node] = f'{self.text(source)}["{name}"]'
        else:
            place = source.attrs["members"].index(name) if name in source.attrs.get("members", ()) else int(name)
            self.texts[node] = f"{self.text(source)}[{place}]"

    def selected(self, select: Node, name: str) -> str:
        """A result of a selection, written when it is first read."""
        from .selecting import field_text

        if (select, name) not in self.fields:
            text = field_text(self, select, name)
            if not text.isidentifier():
                variable = self.names.fresh(f"{self.stem(select)}_{name}")
                self.line(f"{variable} = {bare(text)}")
                text = variable
            self.fields[select, name] = text
        return self.fields[select, name]

    def stem(self, select: Node) -> str:
        return str(select.attrs["path"]).replace(".", "_")

    def call(self, node: Node, named: bool = False) -> None:
        """A chunk applied everywhere: one value (with a line of its own where `named`), or a list with one for each member."""
        single = node.attrs["single"]
        if node.attrs.get("word") == "hoisted" and not self.sealed:
            text = derived_call(self, node)
        elif single and node.attrs["chunk"] == "":
            text = self.inline(node, tuple(self.tensor(operand) for operand in node.operands), self.ctx)
        elif single and kernel_of(node) != "dense" and packs(node):
            text = packed_call(self, node)
        else:
            text = self.shop.calls(self, node, tuple(self.tensor(operand) for operand in node.operands))
        # What nothing reads is called for what it leaves.
        self.define(node, text, named=named or not self.uses[node])

    def variable(self, node: Node) -> str:
        """A name that holds a value which is read more than once."""
        text = self.tensor(node)
        if text.isidentifier():
            return text
        name = self.names.fresh(node.name or node.op)
        self.line(f"{name} = {bare(text)}")
        self.texts[node] = name
        return name

    def shared(self, node: Node) -> str:
        """The argument that says so of a decision or draw without the positions that gathered rows come from."""
        return "" if node in self.positional else ", shared=True"

    def inline(self, apply: Node, arguments: tuple[str, ...], ctx: str, positional: Sequence[bool] = ()) -> str:
        """The body of an anonymous call, written here; the text of its value. `positional`: which arguments have positions."""
        given = positional or [operand in self.positional for operand in apply.operands]
        inner = self.inner(apply, arguments, given, ctx)
        text = self.shop.returned(inner)
        self.decisions += inner.decisions
        self.lines += [*inner.first_lines, *inner.lines]
        return text

    def inner(self, apply: Node, arguments: tuple[str, ...], positional: Sequence[bool], ctx: str) -> Body:
        """The body of an anonymous call as statements yet to be placed."""
        block = self.shop.plan.of(apply.attrs["body"])
        inputs = dict(zip(block.graph.inputs, arguments))
        given = {node for node, flag in zip(block.graph.inputs, positional) if flag}
        inner = Body(self.shop, block, self.frame, inputs, self.names, ctx, given)
        inner.outer, inner.sealed, inner.logged = self, self.sealed, self.logged
        inner.write()
        return inner

    def step_of(self, fuse: Node) -> Step | None:
        return self.block.routed(fuse)
