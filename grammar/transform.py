"""Lark's tree to the syntax tree: statements, files and the core form."""

from __future__ import annotations

from typing import Literal, TypeVar, cast

from lark.lexer import Token

from ..compiler.source import Span
from . import tree as t
from .transform_values import Bare, Values
from .wording import FORMS

Some = TypeVar("Some")


def present(items: tuple[Some | None, ...]) -> tuple[Some, ...]:
    """What is there: neither an absent option nor the ERROR token of something broken."""
    return tuple(item for item in items if item is not None and not isinstance(item, Token))


class Build(Values):
    """One method for each rule of `cc.lark`; finds what the grammar lets through but the language does not.

    With `unbalanced` braces it is not known what is a chunk's body, so nothing is said of values that go nowhere.
    """

    unbalanced = False

    # ---- files

    def start(self, span: Span, *items: t.Use | t.Model | t.Chunk | t.Core | None) -> t.File:
        written: tuple[t.Use | t.Model | t.Chunk | t.Core, ...] = present(items)
        cores = [item.span for item in written if isinstance(item, t.Core)]
        for place in self.references:
            if not any(core.start <= place.start < core.end for core in cores):
                self.findings.error("CC0111", f"`{place.text}` names a value of a `core`, and stands outside of one", place)
        return t.File(Span(self.source, 0, len(self.source.text)), written)

    def use(self, span: Span, path: Token) -> t.Use:
        return t.Use(span, self.text(path))

    def model(self, span: Span, name: Token, parameters: tuple[t.Parameter, ...] | None, body: t.Block) -> t.Model:
        return t.Model(span, self.named(name), parameters or (), self._statements(body))

    def parameters(self, span: Span, *items: t.Parameter | None) -> tuple[t.Parameter, ...]:
        return present(items)

    def parameter(self, span: Span, name: Token, kind: Token, default: t.Expr | None) -> t.Parameter:
        return t.Parameter(span, self.named(name), self.named(kind), default)

    # ---- blocks

    def block(self, span: Span, *statements: t.Statement | Bare | Token | None) -> t.Block:
        """A value that stands right before an error on its line is a part of what is broken there, and not looked at."""
        kept = [item for item, after in zip(statements, (*statements[1:], None)) if not self._broken(item, after)]
        return t.Block(span, cast(tuple[t.Statement, ...], present(tuple(kept))))

    def _broken(self, item: object, after: object) -> bool:
        if not (isinstance(item, Bare) and isinstance(after, Token)):
            return False
        return "\n" not in self.source.text[item.span.end : after.start_pos]

    def _lone(self, block: t.Block) -> t.Expr | None:
        """The value of a block that is nothing but a value."""
        if len(block.statements) != 1:
            return None
        only = cast(object, block.statements[0])
        return only.value if isinstance(only, Bare) else None

    def _statements(self, block: t.Block) -> t.Block:
        """The block without the values that go nowhere, each of them reported."""
        for statement in cast(tuple[object, ...], block.statements):
            if isinstance(statement, Bare):
                self._goes_nowhere(statement.value)
        return t.Block(block.span, tuple(s for s in block.statements if not isinstance(cast(object, s), Bare)))

    def _goes_nowhere(self, value: t.Expr) -> None:
        hint = "name it (`name = …`), or make it a result (`output name = …`)"
        if isinstance(value, t.Binary) and value.operator == "==":
            hint = "`==` compares; a name is given with `=`"
        elif isinstance(value, t.Unary) and value.operator == "-":
            hint = "a line that begins with `-` does not go on with the one before: put the whole value in parentheses"
        elif isinstance(value, t.Name) and value.text in FORMS:
            hint = f"as a statement it is written `{FORMS[value.text]}`"
        if not self.unbalanced:
            self.findings.error("CC0108", "this value goes nowhere", value.span, hint=hint)

    def choice(
        self, span: Span, condition: t.Expr, then: t.Block, otherwise: t.Block | t.If | t.Conditional | None
    ) -> t.If | t.Conditional:
        condition = cast(t.Expr, self._no_statement(condition))
        first = self._lone(then)
        last = self._lone(otherwise) if isinstance(otherwise, t.Block) else otherwise
        if first is not None and last is not None and not isinstance(last, t.If):
            return t.Conditional(span, condition, first, last)
        if first is not None or (last is not None and last is not otherwise):
            self._no_statement(t.If(span, condition, t.Block(then.span, ()), None))
            return t.If(span, condition, t.Block(then.span, ()), None)
        if otherwise is not None and not isinstance(otherwise, t.Block):
            otherwise = t.Block(otherwise.span, (otherwise,) if isinstance(otherwise, t.If) else ())
        return t.If(span, condition, self._statements(then), self._statements(otherwise) if otherwise else None)

    # ---- statements

    def input(self, span: Span, name: Token, type: t.TypeExpr | None) -> t.Input:
        return t.Input(span, self.named(name), type)

    def output(self, span: Span, name: Token, value: t.Expr | None) -> t.Output:
        return t.Output(span, self.named(name), value)

    def param(self, span: Span, name: Token, type: t.TypeExpr, init: t.Expr | None, frozen: Token | None) -> t.Param:
        return t.Param(span, self.named(name), type, init, frozen is not None)

    def state(self, span: Span, name: Token, type: t.TypeExpr, init: t.Expr | None) -> t.State:
        return t.State(span, self.named(name), type, init)

    def next(self, span: Span, name: Token, value: t.Expr) -> t.Next:
        return t.Next(span, self.named(name), value)

    def let(self, span: Span, target: t.Expr | t.If, value: t.Expr | None) -> t.Let | t.If | Bare:
        if value is None:
            return target if isinstance(target, t.If) else Bare(span, target)
        value = cast(t.Expr, self._no_statement(value))
        name, index = self._target(cast(t.Expr, self._no_statement(target)))
        return t.Let(span, name, index, value, False)

    def fuse(self, span: Span, target: t.Expr, value: t.Expr) -> t.Let:
        return t.Let(span, *self._target(target), value, True)

    def loss(self, span: Span, target: t.Expr, value: t.Expr) -> t.Loss:
        return t.Loss(span, *self._target(target), value)

    def _target(self, target: t.Expr) -> tuple[t.Name, t.Expr | None]:
        if isinstance(target, t.Name):
            return target, None
        if isinstance(target, t.Index) and isinstance(target.value, t.Name) and len(target.indices) == 1:
            return target.value, target.indices[0]
        message = "left of `=` stands a name, or a name with one index"
        self.findings.error("CC0112", message, target.span, label="not a name", hint="equality is written `==`")
        return t.Name(target.span, "?"), None

    def for_(self, span: Span, variable: Token, values: t.Expr, body: t.Block) -> t.For:
        return t.For(span, self.named(variable), values, self._statements(body))

    def selection(self, span: Span, kind: Token, name: Token, index: t.Expr | None, fields: tuple[t.Field, ...]) -> t.Selection:
        return t.Selection(span, cast(Literal["router", "mask"], str(kind)), self.named(name), index, fields)

    def memory(self, span: Span, fields: tuple[t.Field, ...]) -> t.Memory:
        return t.Memory(span, fields)

    def fields(self, span: Span, *items: t.Field | None) -> tuple[t.Field, ...]:
        return present(items)

    def field(self, span: Span, name: Token, value: t.Expr, condition: t.Expr | None) -> t.Field:
        if condition is not None:
            value = t.When(value.span.to(condition.span), value, condition)
        return t.Field(span, self.named(name), value)

    # ---- chunks

    def chunk(
        self,
        span: Span,
        name: Token,
        members: tuple[t.Expr, ...] | None,
        inputs: tuple[t.ChunkInput, ...],
        returns: t.TypeExpr | None,
        content: t.Block | t.Expr,
        *clauses: t.Expr | tuple[tuple[t.String, ...], bool],
    ) -> t.Chunk:
        body, extern = self._content(content)
        sources = [clause for clause in clauses if not isinstance(clause, tuple)]
        for again in sources[1:]:
            self.findings.error("CC0113", "a chunk takes its weights from one handle only", again.span, label="a second `from`")
        needs = [clause for clause in clauses if isinstance(clause, tuple)]
        requires, isolated = tuple(text for texts, _ in needs for text in texts), any(apart for _, apart in needs)
        source = sources[0] if sources else None
        return t.Chunk(span, self.named(name), members, inputs, returns, body, extern, source, requires, isolated)

    def _content(self, content: t.Block | t.Expr) -> tuple[t.Block | None, t.Call | None]:
        if isinstance(content, t.Call) and isinstance(content.function, t.Name) and content.function.text == "extern":
            return None, content
        value = self._lone(content) if isinstance(content, t.Block) else content
        if value is None:
            return self._statements(cast(t.Block, content)), None
        return t.Block(content.span, (t.Output(value.span, t.Name(value.span, ""), value),)), None

    def members(self, span: Span, *items: t.Expr) -> tuple[t.Expr, ...]:
        return items

    def inputs(self, span: Span, *items: t.ChunkInput | None) -> tuple[t.ChunkInput, ...]:
        return present(items)

    def chunk_input(self, span: Span, name: Token, type: t.TypeExpr | None) -> t.ChunkInput:
        return t.ChunkInput(span, self.named(name), type)

    def from_(self, span: Span, handle: t.Expr) -> t.Expr:
        return handle

    def requires(self, span: Span, *words: Token | None) -> tuple[tuple[t.String, ...], bool]:
        *texts, isolated = words
        return tuple(self.text(text) for text in texts if text is not None), isolated is not None

    # ---- the core form

    def core(self, span: Span, name: Token, attributes: tuple[t.Field, ...] | None, block: tuple[t.CoreStatement, ...]) -> t.Core:
        return t.Core(span, self.named(name), attributes or (), block)

    def core_block(self, span: Span, *statements: t.CoreStatement | None) -> tuple[t.CoreStatement, ...]:
        return present(statements)

    def core_node(
        self,
        span: Span,
        name: Token,
        word: Token,
        target: str | None,
        operands: tuple[t.Name, ...] | None,
        attributes: tuple[t.Field, ...] | None,
        type: t.CoreType | None,
    ) -> t.CoreNode:
        return t.CoreNode(span, str(name), str(word), target or "", operands or (), attributes or (), type)

    def target(self, span: Span, token: Token) -> str:
        return self.text(token).value if token.startswith('"') else str(token)

    def operands(self, span: Span, *tokens: Token | None) -> tuple[t.Name, ...]:
        return tuple(self.named(token) for token in tokens if token is not None)

    def attributes(self, span: Span, *items: t.Field) -> tuple[t.Field, ...]:
        return items

    def attribute_field(self, span: Span, name: Token, value: t.Expr) -> t.Field:
        return t.Field(span, self.named(name), value)

    def core_root(self, span: Span, word: Token, target: Token, value: Token) -> t.CoreRoot:
        return t.CoreRoot(span, str(word), self.text(target).value, self.named(value))

    def core_body(
        self, span: Span, name: Token, target: Token, attributes: tuple[t.Field, ...] | None, block: tuple[t.CoreStatement, ...]
    ) -> t.CoreBody:
        return t.CoreBody(span, str(name), self.text(target).value, attributes or (), block)

    def core_plan(self, span: Span, *entries: t.CoreEntry | None) -> t.CorePlan:
        return t.CorePlan(span, present(entries))

    def core_entry(self, span: Span, word: Token, target: Token) -> t.CoreEntry:
        return t.CoreEntry(span, str(word), self.text(target).value)

    def core_type(
        self, span: Span, word: Token, sizes: tuple[t.Expr, ...] | None, items: tuple[tuple[str, t.CoreType], ...] | None
    ) -> t.CoreType:
        pairs = items or ()
        return t.CoreType(span, str(word), sizes or (), tuple(kind for _, kind in pairs), tuple(name for name, _ in pairs))

    def sizes(self, span: Span, *items: t.Expr | None) -> tuple[t.Expr, ...]:
        return present(items)

    def type_items(self, span: Span, *items: tuple[str, t.CoreType] | None) -> tuple[tuple[str, t.CoreType], ...]:
        return present(items)

    def type_item(self, span: Span, name: Token | None, kind: t.CoreType) -> tuple[str, t.CoreType]:
        return str(name or ""), kind
