"""Arguments of a call: given by position or by name, bound to what the callee declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...compiler.diagnostics import did_you_mean
from ...compiler.source import Span
from .. import tree
from .env import Env, label
from .values import Fraction, Tensor, Value, describe


@dataclass(slots=True)
class Given:
    """One argument: an expression, or the value that was piped in."""

    env: Env
    span: Span
    expr: tree.Expr | None = None
    piped: Value | None = None
    _value: list[Value] = field(default_factory=list)

    @property
    def value(self) -> Value:
        """Its value, evaluated once."""
        from .expressions import evaluate

        if self.expr is None:
            assert self.piped is not None
            return self.piped
        if not self._value:
            self._value.append(evaluate(self.env, self.expr))
        return self._value[0]


@dataclass(slots=True)
class Arguments:
    """The arguments of one call to `callee`, the piped value first."""

    env: Env
    callee: str
    span: Span
    positional: list[Given]
    named: dict[str, Given]
    places: dict[str, Span]

    def bind(self, names: Sequence[str], *, variadic: str = "") -> dict[str, Given]:
        """Positional arguments take `names` in order; the others belong to a `variadic` name (see `rest`), or are too many."""
        bound: dict[str, Given] = {}
        most = names.index(variadic) if variadic else len(names)
        for place, given in enumerate(self.positional):
            if place < most:
                bound[names[place]] = given
            elif not variadic:
                takes = f"at most {most} argument{'s' if most > 1 else ''}: {', '.join(names)}" if names else "no argument"
                raise self.env.error("CC0307", f"`{self.callee}` takes {takes}", given.span)
        for name, given in self.named.items():
            if name not in names:
                hint = did_you_mean(name, names) or (f"its arguments are {', '.join(names)}" if names else "")
                raise self.env.error("CC0204", f"`{self.callee}` has no argument `{name}`", self.places[name], hint=hint)
            if name in bound:
                also = [label(bound[name].span, "given here by position")]
                raise self.env.error("CC0307", f"`{name}` is given twice", given.span, also=also)
            bound[name] = given
        return bound

    def rest(self, names: Sequence[str], variadic: str) -> list[Given]:
        """The positional arguments that belong to the variadic name."""
        return self.positional[names.index(variadic) :]

    def need(self, bound: dict[str, Given], name: str, what: str = "") -> Given:
        """A required argument."""
        if name not in bound:
            raise self.env.error("CC0307", f"`{self.callee}` needs {what or f'`{name}`'}", self.span)
        return bound[name]

    def tensor(self, bound: dict[str, Given], name: str) -> Tensor:
        """A required argument that is a tensor."""
        from .expressions import as_tensor

        given = self.need(bound, name)
        return as_tensor(self.env, given.value, given.span)

    def number(self, bound: dict[str, Given], name: str, default: float) -> float:
        """An argument that is a number or a share."""
        if name not in bound:
            return default
        value = bound[name].value
        value = value.value if isinstance(value, Fraction) else value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            message = f"`{name}` of `{self.callee}` is a number, found {describe(value)}"
            raise self.env.error("CC0301", message, bound[name].span)
        return float(value)


def collect(env: Env, callee: str, call: tree.Call | None, piped: tuple[Value, Span] | None, span: Span) -> Arguments:
    """The arguments of a call as written, with what is piped into it in front."""
    positional = [Given(env, piped[1], piped=piped[0])] if piped else []
    named: dict[str, Given] = {}
    places: dict[str, Span] = {}
    for argument in call.arguments if call else ():
        given = Given(env, argument.value.span, argument.value)
        if argument.name is None:
            positional.append(given)
            continue
        if argument.name.text in named:
            raise env.error("CC0307", f"`{argument.name.text}` is given twice", argument.span)
        named[argument.name.text] = given
        places[argument.name.text] = argument.name.span
    return Arguments(env, callee, span, positional, named, places)
