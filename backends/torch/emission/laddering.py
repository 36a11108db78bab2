"""A ladder as statements: each rung runs on what the rungs before it have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....compiler.ir import Node
from ....compiler.plan import Step
from ....compiler.planning.ladder import Rung, Source
from ....compiler.selection import Rule, paths_of
from ..expressions import bare
from .marking import mark
from .residing import if_any
from .selecting import recording
from .text import number

if TYPE_CHECKING:
    from .body import Body


def write_ladder(body: Body, step: Step) -> None:
    """A step of a ladder: a rung with what is kept there, at the end the values of all put together."""
    node = step.nodes[0]
    if node not in body.ladders:
        body.ladders[node] = Rungs(body, node, body.variable(node.operands[-1]), body.stem(node.attrs["select"]))
    writer = body.ladders[node]
    if step.kind == "dispatch":
        mark(body, step, f"({writer.rows[-1]}.shape[0],)")
    elif step.part is not None:
        writer.rung(step.part, node.attrs["rungs"][step.part], bool(step.wanted))
    elif step.kind == "combine":
        write_together(body, node, writer)


def write_together(body: Body, node: Node, writer: Rungs) -> None:
    """What the rungs have decided, and their values put together."""
    select, axes, kind = node.attrs["select"], node.attrs["prefix"], node.attrs["kind"]
    stem, weight = writer.stem, writer.weight
    kept = body.names.fresh(f"{stem}_kept")
    mask = f"rung_mask([{', '.join(writer.at)}], {writer.first})"
    body.line(f"{kept} = {body.ctx}.{recording('keep', select)}, {mask}{body.shared(node)})")
    ran = ", ".join([f"{writer.first}.flatten()", *writer.rows[1:]])
    for path in paths_of(select):
        body.line(f'{body.ctx}.ran("{path}{f":{node.name}" if node.name else ""}", [{ran}])')
    option = "" if kind == "sum" else f', kind="{kind}"'
    parts = f"[{', '.join(writer.parts)}]"
    mark(body, writer.steps["combine", 0], f"[{', '.join(writer.at)}]")
    body.define(node, f"combine({parts}, [{', '.join(writer.at)}], {kept}, {weight}, {axes}{option})", named=True)


class Rungs:
    """What is written so far: per rung the rows it runs on (the first on all), its part, and where the part belongs."""

    def __init__(self, body: Body, node: Node, weight: str, stem: str) -> None:
        self.body, self.node, self.weight, self.stem = body, node, weight, stem
        self.axes: int = node.attrs["prefix"]
        self.rows: list[str] = ["None"]
        self.parts: list[str] = []
        self.at: list[str] = []
        self.first = ""
        self.skipped = False
        self.carried: dict[Source, str] = {}
        self.steps = _steps(body, node)

    def rung(self, i: int, rung: Rung, skipped: bool) -> None:
        """The statements of one rung; nothing runs in it where nothing is left and it is to be `skipped` then."""
        body, names = self.body, self.body.names
        ctx = body.ctx
        if i:
            ctx = names.fresh(f"ctx_{i}")
            body.line(f"{ctx} = {body.ctx}.at({self.rows[i]}, {self.weight}, {self.axes}{body.shared(self.node)})")
        arguments = tuple(self.argument(i, source, flag) for source, flag in zip(rung.sources, rung.gathered))
        inner = body.inner(rung.apply, arguments, rung.gathered, ctx)
        self.skipped = skipped
        texts = self.placed(i, inner, self.steps["each", i], f"({self.rows[i]}.shape[0],)" if i else "")
        mark(body, self.steps["select", i])
        value = "" if rung.late else texts[1] if rung.scored else texts[0]
        self.carried.update({(i, k): text for k, text in enumerate(texts)})
        done = names.fresh(f"{self.stem}_{i}")
        passed = self.passed(texts[0]) if rung.scored else f"{value}.new_ones({value}.shape[:{self.axes}], dtype=torch.bool)"
        shared = "" if i else body.shared(self.node)
        body.line(f"{done} = {ctx}.{recording('rung', self.node.attrs['select'])}, {i}, {passed}{shared})")
        self.first = self.first or done
        self.split(i, done, value)

    def argument(self, i: int, source: Source, gathered: bool) -> str:
        """What a rung reads: from outside, taken at its rows; or carried along from an earlier rung."""
        if source[0] >= 0:
            return self.carried[source]
        text = self.body.variable(self.node.operands[source[1]])
        if not i or not gathered:
            return text
        name = self.body.names.fresh(f"{text}_{i}")
        self.body.line(f"{name} = take({text}, {self.rows[i]}, {self.axes})")
        return name

    def late(self, i: int, rung: Rung, now: str, at: str) -> str:
        """What only the value needs, on the rows kept here: `now` among those of the rung, `at` among all."""
        body, ctx, arguments = self.body, self.body.ctx, []
        if body.logged or body.shop.needs_ctx(rung.apply.attrs["body"]):
            ctx = body.names.fresh(f"ctx_kept_{i}")
            body.line(f"{ctx} = {body.ctx}.at({at}, {self.weight}, {self.axes}{body.shared(self.node)})")
        for source, gathered in zip(rung.sources, rung.gathered):
            own = source[0] >= 0
            text = self.carried[source] if own else body.variable(self.node.operands[source[1]])
            if gathered:
                name = body.names.fresh(f"{text}_{i}")
                body.line(f"{name} = take({text}, {now if own else at}, {self.axes})")
                text = name
            arguments.append(text)
        inner = body.inner(rung.apply, tuple(arguments), rung.gathered, ctx)
        return self.placed(i, inner, self.steps["late", i], f"({at}.shape[0],)")[0]

    def placed(self, i: int, inner: Body, step: Step, rows: str) -> list[str]:
        """The lines of a body, and the texts of its outputs behind them. They are of this step, on these rows."""
        outputs = [node for _, node in inner.graph.outputs]
        texts = [inner.variable(node) for node in outputs]
        start = len(self.body.lines)
        mark(self.body, step, rows)
        told, self.body.lines = self.body.lines[start:], self.body.lines[:start]
        lines = [*told, *inner.first_lines, *inner.lines]
        if not self.skipped:
            self.body.lines += lines
            return texts
        return if_any(self.body, self.rows[i], self.axes, f"rung_{i}", lines, list(zip(texts, outputs)))

    def passed(self, score: str) -> str:
        """Whether this way passes its tests."""
        rules: tuple[Rule, ...] = self.node.attrs["select"].attrs["rules"][:-1]
        limits = iter(self.node.operands[self.node.attrs["outside"] : -1])
        text = ""
        for rule in rules:
            limit = self.body.tensor(next(limits)) if rule.threshold else number(float(rule.limit or 0.0))
            text = f"above(at_least_f32({bare(score)}), {limit}{f', among={text}' if text else ''})"
        return text

    def split(self, i: int, done: str, value: str) -> None:
        """Parts what is kept here from what is left, and takes along what later rungs need."""
        names, rungs = self.body.names, self.node.attrs["rungs"]
        now, at, left, rows = (names.fresh(f"{name}_{i}") for name in ("now", "at", "left", "rest"))
        self.body.line(f"{now}, {at}, {left}, {rows} = split_rows({done}, {self.rows[i]})")
        if value:
            part = names.fresh(f"part_{i}")
            self.body.line(f"{part} = take({value}, {now}, {self.axes})")
        else:
            part = self.late(i, rungs[i].late, now, at)
        self.parts.append(part)
        self.at.append(at)
        self.rows.append(rows)
        ahead = [one for rung in rungs[i + 1 :] for one in (rung, rung.late) if one is not None]
        later = {source: flag for one in ahead for source, flag in zip(one.sources, one.gathered) if source[0] >= 0}
        for source, gathered in later.items():
            if source[0] <= i and gathered:
                name = names.fresh(self.carried[source])
                self.body.line(f"{name} = take({self.carried[source]}, {left}, {self.axes})")
                self.carried[source] = name
        if i + 1 == len(rungs):
            self.rows.pop()


def _steps(body: Body, node: Node) -> dict[tuple[str, int], Step]:
    """The steps of a ladder by kind and rung; what is computed where a rung kept is `late`."""
    found: dict[tuple[str, int], Step] = {}
    rung = 0
    for step in body.block.steps:
        if step.nodes[:1] == (node,):
            rung = rung if step.part is None else step.part
            late = step.kind == "each" and step.part is None
            found["late" if late else step.kind, 0 if step.kind == "combine" else rung] = step
    return found
