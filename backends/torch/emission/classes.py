"""The classes of a model: one for each kind of chunk and container, methods for the bodies that run there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ....compiler.bodies import body_order
from ....compiler.diagnostics import CompileError, Diagnostic, Label
from ....compiler.ir import Frame, Graph, Node
from ....compiler.ops import OPS
from ....compiler.plan import Block, Plan, Step
from ....compiler.planning import lower
from ....compiler.planning.scheduling import room_of
from ..expressions import bare
from .body import Body
from .layout import Layout, chunk_key
from .leaves import leaf_of
from .modules import ClassTexts
from .names import Names, identifier
from .text import bare_call, wrap

ALL = "*"
CONTEXTUAL = {"select", *(name for name, op in OPS.items() if op.random or op.outside)}
"""What a body records, or reads of the call."""
"""Stands for all outputs together, as a dictionary."""


@dataclass(frozen=True, slots=True)
class Method:
    """A function that runs a body. `captures`: what it is handed from further out. `text` is its definition without the name."""

    name: str
    inputs: tuple[str, ...]
    captures: tuple[tuple[int, str], ...]
    ctx: bool

    @property
    def plain(self) -> bool:
        """Whether the module's own `forward` is this, so that it may be called as a module."""
        return self.name == "forward"


@dataclass(frozen=True, slots=True)
class Sources:
    """The text of all classes; `entries` are the methods of the root by (training, output or `*`); the plan of each."""

    text: str
    name: str
    entries: dict[tuple[bool, str], Method]
    plans: dict[tuple[bool, str], Plan]
    plain: frozenset[str]
    """Names of the classes that a region may call as modules: chunks whose bodies only give values."""
    contextual: bool
    """Whether a call decides, draws or leaves anything."""
    partial: frozenset[str] = frozenset()
    """The parameters whose kept rows are loaded before they are read."""


@dataclass(slots=True)
class Shop:
    """What the writers of bodies share."""

    layout: Layout
    plan: Plan
    rule_names: dict[tuple[Graph, Node], list[str]] = field(default_factory=dict)
    methods: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    made: dict[tuple[int, str, tuple[bool, ...], bool], Method] = field(default_factory=dict)
    alive: list[Plan] = field(default_factory=list)
    contextual: dict[int, bool] = field(default_factory=dict)
    together: bool = True
    """Whether members may run together: this takes what keeps derived values."""
    partial: frozenset[str] = frozenset()
    """The parameters of which only rows are loaded, where they are kept (`emission.partial`)."""

    # ---- calls

    def module_call(self, body: Body, node: Node) -> str | None:
        """`self.linear_1(x)`, where a module of `torch.nn` holds the op's parameters."""
        leaf = leaf_of(node)
        if leaf is None:
            return None
        path = str(node.operands[1].attrs["path"]).rpartition(".")[0]
        if self.layout.place(body.frame.prefix + path).leaf != leaf:
            return None
        return f"{self.layout.read(body.frame.prefix, path)}({body.tensor(node.operands[0])})"

    def calls(self, body: Body, apply: Node, arguments: Sequence[str]) -> str:
        """A chunk called on everything: a value, or the list of an array's."""
        flags = tuple(operand in body.positional for operand in apply.operands)
        method = self.method(body.frame, apply, flags, body.logged)
        home, module = self.home(body, apply), "member"
        if apply.attrs["single"]:
            member = apply.attrs["members"][0]
            return self.one(body, apply, method, self.member(home, body, apply, member), member, arguments)
        label, source = self.iteration(home, body, apply, method)
        name = body.names.fresh(str(apply.attrs["chunk"]).rpartition(".")[2] or module)
        call = self.one(body, apply, method, name, label, arguments)
        return f"[{call} for {source.format(name)}]"

    def routed_calls(self, body: Body, step: Step, rows: str, where: str) -> str:
        """The list of what an array's members make of the rows that kept them. `where` says what these are rows of."""
        way = step.ways[0]
        apply, axes = way.apply, step.rows
        method = self.method(body.frame, apply, way.gathered, body.logged)
        index, name = body.names.fresh("way"), body.names.fresh(str(apply.attrs["chunk"]).rpartition(".")[2])
        arguments = []
        for operand, gathered in zip(way.arguments, way.gathered):
            text = body.tensor(operand)
            if gathered:
                taken = body.names.fresh(f"{operand.name or 'rows'}_taken")
                body.line(f"{taken} = take_each({text}, {rows}, {axes})")
                text = f"{taken}[{index}]"
            arguments.append(text)
        label, source = self.iteration(self.home(body, apply), body, apply, method, index)
        call = self.one(body, apply, method, name, label, arguments, f".at({rows}[{index}], {where})")
        return f"[{call} for {source.format(name)}]"

    def routed_few(self, body: Body, step: Step, rows: str, ways: Sequence[int], where: str) -> str:
        """The same for some members of an array whose calls only give values."""
        way = step.ways[0]
        method, home = self.method(body.frame, way.apply, way.gathered, body.logged), self.home(body, way.apply)
        arguments = [body.tensor(operand) for operand in way.arguments]
        for i, (operand, gathered) in enumerate(zip(way.arguments, way.gathered)):
            if gathered:
                name = body.names.fresh(f"{operand.name or 'rows'}_taken")
                body.line(f"{name} = take_each({arguments[i]}, {rows}, {step.rows})")
                arguments[i] = f"{name}[{{}}]"
        calls = []
        for place in ways:
            given = [text.format(place) if at else text for text, at in zip(arguments, way.gathered)]
            member = step.ways[place].member
            module, at = self.member(home, body, way.apply, member), f".at({rows}[{place}], {where})"
            calls.append(self.one(body, way.apply, method, module, member, given, at))
        return f"[{', '.join(calls)}]"

    def member_call(
        self, body: Body, apply: Node, member: str, arguments: Sequence[str], flags: tuple[bool, ...], at: str = ""
    ) -> str:
        """One member of a chunk called alone. `flags`: which arguments have positions; `at`: where gathered rows come from."""
        method = self.method(body.frame, apply, flags, body.logged)
        module = self.member(self.home(body, apply), body, apply, member)
        return self.one(body, apply, method, module, member, arguments, at)

    def one(
        self, body: Body, apply: Node, method: Method, module: str, label: str, arguments: Sequence[str], at: str = ""
    ) -> str:
        """One call. `label` is the member's, or the expression in braces that gives it."""
        given = list(arguments)
        given += [body.reach(apply.attrs["up"] + up - 1, path) for up, path in method.captures]
        if method.ctx:
            call = str(apply.attrs["call"])
            path = f"{call}.{label}" if call and label else call or label
            given.insert(0, f'{body.ctx}.enter({"f" if "{" in path else ""}"{path}"){at}')
        target = module if method.plain else f"{module}.{method.name}"
        return bare_call(target, given)

    def iteration(self, home: str, body: Body, apply: Node, method: Method, index: str = "") -> tuple[str, str]:
        """The label of each member, and `x in …` that goes through them (`{}` stands for the member's name)."""
        members = apply.attrs["members"]
        place = self.layout.place(body.frame.out(apply.attrs["up"]).prefix + str(apply.attrs["chunk"]))
        counted = list(members) == [str(i) for i in range(len(members))]
        if list(place.children) == list(members) and place.is_list and counted:
            index = index or (body.names.fresh("way") if method.ctx else "")
            return f"{{{index}}}", f"{index}, {{}} in enumerate({home})" if index else f"{{}} in {home}"
        modules = f"[{', '.join(self.member(home, body, apply, member) for member in members)}]"
        if list(place.children) == list(members) and place.is_dict:
            modules = f"{home}.values()"
        if not method.ctx:
            return "", f"{index}, {{}} in enumerate({modules})" if index else f"{{}} in {modules}"
        label = body.names.fresh("label")
        pairs = f"{home}.items()" if modules.endswith(".values()") else f"zip({members!r}, {modules})"
        return f"{{{label}}}", f"{index}, ({label}, {{}}) in enumerate({pairs})" if index else f"{label}, {{}} in {pairs}"

    def home(self, body: Body, apply: Node) -> str:
        """The text of the module of a chunk or array."""
        return body.reach(apply.attrs["up"], str(apply.attrs["chunk"]))

    def member(self, home: str, body: Body, apply: Node, member: str) -> str:
        full = body.frame.out(apply.attrs["up"]).prefix + str(apply.attrs["chunk"])
        return self.layout.read(full, member, home) if member else home

    # ---- methods

    def needs_ctx(self, body: Graph) -> bool:
        """Whether a body decides, draws, remembers or leaves something, itself or by what it calls."""
        if id(body) not in self.contextual:
            self.contextual[id(body)] = bool(
                (body.losses and body.training)
                or body.nexts
                or any(node.op in CONTEXTUAL or node.attrs.get("word") == "cached" for node in body.nodes)
                or any(node.op == "apply" and node.attrs["body"] and self.needs_ctx(node.attrs["body"]) for node in body.nodes)
            )
        return self.contextual[id(body)]

    def method(self, frame: Frame, apply: Node, flags: tuple[bool, ...], logged: bool) -> Method:
        """The method that runs the body of a call; `flags` says which inputs have the positions of gathered rows, `logged`
        whether it tells its steps."""
        body: Graph = apply.attrs["body"]
        key = chunk_key(frame, apply, self.layout.keys)
        known = (id(body), key, flags, logged)
        if known not in self.made:
            if apply.attrs["zipped"]:
                flags = (all(flags),) * len(body.inputs)
            inner = frame.enter(apply, apply.attrs["members"][0])
            base = "forward_train" if body.training else "forward"
            self.made[known] = self.define(self.plan.of(body), inner, key, flags, base, logged=logged)
        return self.made[known]

    def define(
        self,
        block: Block,
        frame: Frame,
        key: str,
        flags: tuple[bool, ...],
        base: str,
        everything: bool = False,
        logged: bool = False,
    ) -> Method:
        """Writes a method, or finds the one with the same text."""
        names = Names()
        ctx = key == "" or logged or self.needs_ctx(block.graph)
        inputs = {node: names.fresh(str(node.attrs["name"])) for node in block.graph.inputs}
        positional = {node for node, flag in zip(block.graph.inputs, flags) if flag}
        body = Body(self, block, frame, inputs, names, "ctx", positional)
        body.logged = logged
        body.write()
        returned = self.returned(body, everything, kept=False)
        captures = tuple(body.captures)
        arguments = [*(["ctx"] if ctx else []), *inputs.values(), *(body.captures[capture] for capture in captures)]
        lines = [f"({', '.join(['self', *arguments])}):"]
        lines += [f"    {line}" for text in (*body.first_lines, *body.lines, f"return {returned}") for line in wrap(text)]
        return Method(self.written(key, base, lines), tuple(inputs.values()), captures, ctx)

    def written(self, key: str, base: str, lines: list[str]) -> str:
        """The name of the method with this text in the class of a chunk; it is added if there is none."""
        written = self.methods.setdefault(key, {})
        name = next((name for name, text in written.items() if text == lines and _same_kind(name, base)), "")
        if not name:
            stem = "forward" if base == "forward_train" and not written else base
            name, count = stem, 1
            while name in written:
                count += 1
                name = f"{stem}_{count}"
            written[name] = lines
        return name

    def returned(self, body: Body, everything: bool = False, *, kept: bool = True) -> str:
        """The text of a body's result. Unless it stays inside (`kept`), what is kept between calls is copied: a caller may write
        into what it is given."""

        def text(node: Node) -> str:
            source = node.operands[0] if node.op == "field" else node
            return body.tensor(node) + (".clone()" if not kept and source.attrs.get("word") == "hoisted" else "")

        outputs = body.graph.outputs
        if len(outputs) == 1 and not everything:
            return bare(text(outputs[0][1]))
        return "{" + ", ".join(f'"{name}": {bare(text(node))}' for name, node in outputs) + "}"


def _same_kind(name: str, base: str) -> bool:
    """The root's methods are told apart by what they give; those of chunks are not."""
    return base.startswith("forward") or name.removesuffix("_train") == base.removesuffix("_train")


def emit(
    eval_graph: Graph,
    train_graph: Graph,
    *,
    together: bool = True,
    logged: bool = False,
    partial: frozenset[str] = frozenset(),
) -> Sources:
    """The source of all classes of a model; `logged`: its methods tell their steps; `partial`: the weights whose kept rows are
    loaded before they are read. `CompileError` where a chunk has no body."""
    graphs = (eval_graph, train_graph)
    for graph in graphs:
        check_bound(graph)
    layout = Layout(eval_graph.parameters, graphs)
    rooms = [room_of(graph) if graph.schedule else None for graph in graphs]
    plans = {
        (training, which): lower(asked(graph, which), room=rooms[training])
        for training, graph in enumerate(graphs)
        for which in choices(graph)
    }
    shop = Shop(layout, next(iter(plans.values())), together=together, partial=partial)
    entries: dict[tuple[bool, str], Method] = {}
    for (training, which), plan in plans.items():
        shop.plan = plan
        shop.alive.append(plan)
        flags = (True,) * len(plan.graph.inputs)
        name = _entry_name(eval_graph, which, bool(training))
        entries[bool(training), which] = shop.define(plan.block, Frame(), "", flags, name, which == ALL, logged)
    texts = ClassTexts(shop.layout, shop.methods)
    name = texts.root(eval_graph.name)
    plain = frozenset(texts.plain)
    contextual = any(shop.needs_ctx(plan.graph) for plan in plans.values())
    named = {(bool(training), which): plan for (training, which), plan in plans.items()}
    return Sources(texts.text(), name, entries, named, plain, contextual, partial)


def check_bound(graph: Graph) -> None:
    """Raises `CompileError` with every chunk that is called and stored elsewhere."""
    calls = [node for body in (graph, *body_order(graph)) for node in body.nodes if node.op == "apply" and not node.attrs["body"]]
    unbound = {str(node.attrs["chunk"]): node for node in calls}
    if unbound:
        raise CompileError(
            Diagnostic(
                "CC0711",
                f"the chunk `{path}` is stored elsewhere, and has no body to compile",
                (Label(node.span, "called here"),),
                f"bind one: `--bind {path.rpartition('.')[2]}=FILE`",
            )
            for path, node in unbound.items()
        )


def choices(graph: Graph) -> Iterable[str]:
    """What a call may ask for: an output, or all of them."""
    names = [name for name, _ in graph.outputs]
    return names if len(names) == 1 else [*names, ALL]


def asked(graph: Graph, which: str) -> Graph:
    """The graph for one output, or for all."""
    return graph if which == ALL else replace(graph, outputs=tuple(pair for pair in graph.outputs if pair[0] == which))


def _entry_name(graph: Graph, which: str, training: bool) -> str:
    first = graph.outputs[0][0] if graph.outputs else ""
    stem = "compute" if which == first else "compute_all" if which == ALL else f"compute_{identifier(which)}"
    return f"{stem}_train" if training else stem
