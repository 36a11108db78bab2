"""The formatter, and the printer of the surface: a syntax tree as text of the one accepted form.

Two spaces in, 100 columns, at most one empty line. What was written on one line stays on one if it fits; what was broken over
lines (a block, a chain of `|>`) stays broken. Comments keep their place, behind code their column too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..compiler.diagnostics import Findings
from ..compiler.source import Source
from . import tree as t
from .format_blocks import Blocks
from .format_layout import HARD, SPACE, WIDTH, Choice, Doc, concat, group, render
from .format_values import Comments, print_expression, quoted
from .parse import parse

__all__ = ["format_file", "format_source", "print_expression"]

COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')


def format_source(text: str, path: str) -> str:
    """The formatted text. Formatting it again changes nothing, and it parses to the same tree.

    Raises:
        CompileError: the text does not parse.
    """
    findings = Findings()
    file = parse(Source(path, text), findings)
    findings.check()
    places = [match.span() for match in COMMENT_OR_STRING.finditer(text) if match[0].startswith("#")]
    return Statements(written=True, comments=Comments(text, places)).file(file)


def format_file(file: t.File) -> str:
    """The text of a tree, whether it was ever written or not; without comments."""
    return Statements().file(file)


class Statements(Blocks):
    """Prints statements, files and the core form."""

    def file(self, file: t.File) -> str:
        parts = self.sequence(file.items, self.item, -1, len(self.comments.text) + 1, apart=True)
        text = render(concat(parts)).strip("\n")
        return text + "\n" if text else ""

    def item(self, item: t.Use | t.Model | t.Chunk | t.Core) -> Doc:
        match item:
            case t.Use(path=path):
                return f"use {quoted(path.value)}"
            case t.Model():
                return self.model(item)
            case t.Chunk():
                return self.chunk(item)
            case t.Core(name=name, attributes=attributes):
                return concat([f"core {name.text} ", self.core_block(item, attributes, name.span.end)])

    def model(self, model: t.Model) -> Doc:
        head: list[Doc] = ["model ", model.name.text]
        if model.parameters:
            parameters = [(list(self.lead(p.span.start)), self.parameter(p)) for p in model.parameters]
            head.append(self.bracketed("(", ")", parameters, self.closing(model.parameters)))
        return group(*head, " ", self.statements(model.body))

    def parameter(self, parameter: t.Parameter) -> Doc:
        head = f"{parameter.name.text}: {parameter.type.text}"
        return concat([head, " = ", self.value(parameter.default, inside=True)]) if parameter.default else head

    # ---- statements

    def statements(self, block: t.Block, *, wide: bool = True) -> Doc:
        return self.block(block.statements, self.statement, block.span.start, block.span.end, wide=wide)

    def statement(self, statement: t.Statement) -> Doc:
        match statement:
            case t.Input(name=name, type=kind):
                return concat(["input ", self.typed(name.text, kind)])
            case t.Output(name=name, value=value):
                return self.assigned(f"output {name.text}", None, value) if name.text or value is None else self.value(value)
            case t.Param(name=name, type=kind, init=init, frozen=frozen):
                return concat(["param ", self.typed(name.text, kind), self.default(init), " frozen" if frozen else ""])
            case t.State(name=name, type=kind, init=init):
                return concat(["state ", self.typed(name.text, kind), self.default(init)])
            case t.Next(name=name, value=value):
                return self.assigned(f"next {name.text}", None, value)
            case t.Let(name=name, index=index, value=value, fuse=fuse):
                return self.assigned("fuse " * fuse + name.text, index, value)
            case t.Loss(name=name, index=index, value=value):
                return self.assigned(f"loss {name.text}", index, value)
            case t.Selection(kind=kind, name=name, index=index, fields=fields):
                start = (index or name).span.end
                return group(self.indexed(f"{kind} {name.text}", index), " ", self.fields(fields, start, statement.span.end))
            case t.Memory(fields=fields):
                return group("memory ", self.fields(fields, statement.span.start, statement.span.end))
            case t.For(variable=variable, values=values, body=body):
                return group(f"for {variable.text} in ", self.value(values), " ", self.statements(body))
            case t.If():
                return group(self.choice(statement))
            case t.Chunk():
                return self.chunk(statement)

    def default(self, init: t.Expr | None) -> Doc:
        return concat([" = ", self.value(init)]) if init else ""

    def indexed(self, name: str, index: t.Expr | None) -> Doc:
        return concat([name, "[", self.value(index, inside=True), "]"]) if index else name

    def assigned(self, name: str, index: t.Expr | None, value: t.Expr | None) -> Doc:
        return concat([self.indexed(name, index), self.default(value)])

    def fields(self, fields: Sequence[t.Field], start: int, end: int) -> Doc:
        """Fields one a line with their `=` below each other, or side by side."""
        longest = max((len(field.name.text) for field in fields), default=0)

        def each(field: t.Field) -> Doc:
            name = field.name.text
            return concat([name, Choice(" " * (longest - len(name)), ""), " = ", self.value(field.value)])

        return self.block(fields, each, start, end, wide=False, gap="  ")

    def choice(self, choice: t.If) -> Doc:
        parts = ["if ", self.value(choice.condition), " ", self.statements(choice.then)]
        if choice.otherwise is not None:
            inner = choice.otherwise.statements
            chained = len(inner) == 1 and isinstance(inner[0], t.If)
            if chained and (not self.written or inner[0].span.start == choice.otherwise.span.start):
                parts += [" else ", self.choice(inner[0])]  # type: ignore[arg-type]
            else:
                parts += [" else ", self.statements(choice.otherwise)]
        return concat(parts)

    def chunk(self, chunk: t.Chunk) -> Doc:
        parts: list[Doc] = ["chunk ", chunk.name.text]
        if chunk.members is not None:
            parts.append(self.list_of("[", chunk.members, "]", self.closing(chunk.members)))
        inputs = [(list(self.lead(i.span.start)), self.typed(i.name.text, i.type)) for i in chunk.inputs]
        parts.append(self.bracketed("(", ")", inputs, self.closing(chunk.inputs)))
        if chunk.returns:
            parts += [" -> ", self.type(chunk.returns)]
        clauses = self.clauses(chunk)
        if chunk.extern:
            value = concat(["= ", self.value(chunk.extern)])
            return group(*parts, concat([part for clause in (value, *clauses) for part in (SPACE, clause)], 2))
        if chunk.body:
            only = chunk.body.statements
            single = len(only) == 1 and isinstance(only[0], t.Output) and not only[0].name.text
            parts += [" ", self.statements(chunk.body, wide=not single)]
        return group(*parts, *(part for clause in clauses for part in (" ", clause)))

    def clauses(self, chunk: t.Chunk) -> Iterator[Doc]:
        """What stands behind a chunk's body; made only when the body is, so that comments keep their order."""
        if chunk.source:
            yield concat(["from ", self.value(chunk.source)])
        if chunk.requires:
            apart = " isolated" if chunk.isolated else ""
            yield "requires " + ", ".join(quoted(text.value) for text in chunk.requires) + apart

    # ---- the core form

    def core_block(self, core: t.Core | t.CoreBody, attributes: Sequence[t.Field], start: int) -> Doc:
        start = attributes[-1].span.end if attributes else start
        body = self.block(core.statements, self.core_statement, start, core.span.end, wide=True)
        head = self.attributes(attributes, "")
        if isinstance(core, t.Core):
            tables = [isinstance(f.value, t.ListOf) and self.table(f.value, len(head)) for f in attributes]
            pairs = [f"{f.name.text} = {table or print_expression(f.value)}" for f, table in zip(attributes, tables)]
            head = f"{{{', '.join(pairs)}}}" if pairs else ""
        return group(*self.lines(head), " " if attributes else "", body)

    def table(self, value: t.ListOf, length: int) -> str:
        """A list in the head of a core, one entry a line if it was written so (or, never written, if the head is long)."""
        items = value.items
        if not items or not (self.newline(value.span.start, items[0].span.start) if self.written else length > WIDTH):
            return ""
        return "[\n" + "".join(f"    {print_expression(item)},\n" for item in items) + "  ]"

    def lines(self, text: str) -> Iterator[Doc]:
        """Text that has its newlines and indents in it."""
        first, *others = text.split("\n")
        yield first
        for line in others:
            yield from (HARD, line)

    def core_statement(self, statement: t.CoreStatement) -> Doc:
        match statement:
            case t.CoreRoot(word=word, target=target, value=value):
                return f"{word} {quoted(target)} = {value.text}"
            case t.CoreBody(name=name, target=target, attributes=attributes):
                return concat([f"chunk {name} {quoted(target)} ", self.core_block(statement, attributes, statement.span.start)])
            case t.CorePlan():
                return concat(["plan ", self.plan(statement)])
            case t.CoreNode():
                return self.core_node(statement)

    def plan(self, plan: t.CorePlan) -> Doc:
        """Entries stay on the lines that they were written on; never written, what ends with a `release` is a line."""
        rows: list[list[t.CoreEntry]] = []
        for entry in plan.entries:
            last = rows[-1][-1] if rows else None
            ended = last is not None and last.word == "release" and entry.word != "release"
            fresh = last is None or (self.newline(last.span.end, entry.span.start) if self.written else ended)
            rows += [[entry]] if fresh else []
            rows[-1] += [] if fresh else [entry]
        lines = [t.CorePlan(row[0].span.to(row[-1].span), tuple(row)) for row in rows]
        return self.block(lines, self.entries, plan.span.start, plan.span.end, wide=True)

    def entries(self, row: t.CorePlan) -> Doc:
        return "  ".join(f"{entry.word} {quoted(entry.target)}" for entry in row.entries)

    def core_node(self, node: t.CoreNode) -> str:
        text = f"{node.name} = {node.word}"
        if node.target:
            text += " " + (node.target if node.word == "op" else quoted(node.target))
        if node.operands:
            text += " (" + ", ".join(operand.text for operand in node.operands) + ")"
        text += self.attributes(node.attributes, " ")
        return f"{text} : {self.core_type(node.type)}" if node.type else text

    def attributes(self, attributes: Sequence[t.Field], before: str) -> str:
        pairs = ", ".join(f"{field.name.text} = {print_expression(field.value)}" for field in attributes)
        return f"{before}{{{pairs}}}" if pairs else ""
