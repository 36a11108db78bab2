"""Pipelines as text: options by the types of fields, levels, fixpoints, and every slip with its place and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest

from chunkc.compiler.diagnostics import CompileError, Diagnostic
from chunkc.compiler.ir import Graph
from chunkc.passes import pipeline
from chunkc.passes.manager import Fixpoint, Pass, Stage, flat, text


@dataclass(frozen=True, slots=True)
class Tune:
    """A pass with an option of each kind. The law: it does nothing."""

    name: ClassVar[str] = "tune"
    dims: str = ""
    count: int = 1
    share: float = 0.5
    loud: bool = False
    kind: Literal["dense", "gather"] = "dense"
    limit: int | None = None
    sizes: tuple[int, ...] = ()
    cost: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must not be negative")

    def apply(self, graph: Graph) -> Graph:
        return graph


@dataclass(frozen=True, slots=True)
class Follow:
    """A pass that cannot run without an option. The law: it does nothing."""

    name: ClassVar[str] = "follow"
    profile: str

    def apply(self, graph: Graph) -> Graph:
        return graph


PLUGINS: dict[str, type[Pass]] = {"tune": Tune, "follow": Follow}


def read(*items: pipeline.Item) -> list[Stage]:
    return pipeline.resolve(items, plugins=PLUGINS)


def wrong(written: str) -> list[Diagnostic]:
    with pytest.raises(CompileError) as caught:
        read(written)
    return list(caught.value.diagnostics)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("tune", Tune()),
        ("tune()", Tune()),
        ("tune(dims='B=8,T=512')", Tune(dims="B=8,T=512")),
        ('tune(dims="it\'s", count=3)', Tune(dims="it's", count=3)),
        ("tune(dims=a/b.json, share=1e-3, loud=true)", Tune(dims="a/b.json", share=1e-3, loud=True)),
        ("tune(share=2, kind=gather)", Tune(share=2.0, kind="gather")),
        ("tune(kind='gather', limit=7, sizes=[1, 2,3])", Tune(kind="gather", limit=7, sizes=(1, 2, 3))),
        ("tune(limit=none, sizes=[])", Tune()),
        ("tune(count=+2)", Tune(count=2)),
    ],
)
def test_options_are_fields(written: str, expected: Pass) -> None:
    assert read(written) == [expected]


def test_what_is_written_of_a_pass_reads_back() -> None:
    tuned = Tune(dims="B=8", count=3, share=0.25, loud=True, limit=2, sizes=(4, 5))
    group = Fixpoint((tuned, Tune()))
    assert read(text(tuned), text(group)) == [tuned, group]
    assert text(Tune()) == "tune"


def test_levels_stand_for_their_passes() -> None:
    assert read("O1") == list(pipeline.level("O1"))
    assert read("O0") == []
    assert read("O1, tune") == [*pipeline.level("O1"), Tune()]


def test_a_level_takes_options_for_its_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pipeline.PIPELINES, "O2", (("tune", "canonicalize"), "follow", "tune"))
    monkeypatch.setattr(pipeline, "PASSES", {**pipeline.PASSES, **PLUGINS})
    # What cannot run without options runs where it is given them only.
    assert [one.name for one in flat(pipeline.resolve(["O2"]))] == ["tune", "canonicalize", "tune"]
    given = pipeline.resolve(["O2(tune(count=5), follow(profile='p.json'))"])
    assert [text(one) for one in given] == [
        "fixpoint(tune(count=5), canonicalize)",
        "follow(profile='p.json')",
        "tune(count=5)",
    ]


def test_fixpoints_are_written_as_calls_or_given_as_tuples() -> None:
    (group,) = read("fixpoint(canonicalize, tune(count=2), eliminate-dead)")
    assert isinstance(group, Fixpoint) and [one.name for one in group.passes] == ["canonicalize", "tune", "eliminate-dead"]
    assert read(("canonicalize", "tune")) == read("fixpoint(canonicalize, tune)")


@pytest.mark.parametrize(
    ("written", "code", "marked", "message", "hint"),
    [
        ("canonicalise", "CC0709", "canonicalise", "no pass `canonicalise`", "did you mean `canonicalize`?"),
        ("tune(cont=3)", "CC0714", "cont", "no option `cont`", "did you mean `count`?"),
        ("tune(x=3)", "CC0714", "x", "no option `x`", "`count`: a whole number"),
        ("canonicalize(x=3)", "CC0714", "x", "no option `x`", "no options"),
        ("tune(count=many)", "CC0714", "many", "takes a whole number, not `many`", "`share`: a number"),
        ("tune(count='3')", "CC0714", "'3'", "takes a whole number", ""),
        ("tune(count=2.5)", "CC0714", "2.5", "takes a whole number", ""),
        ("tune(loud=1)", "CC0714", "1", "takes `true` or `false`", ""),
        ("tune(kind=fast)", "CC0714", "fast", "takes `dense` or `gather`", ""),
        ("tune(limit=x)", "CC0714", "x", "takes a whole number or none", ""),
        ("tune(sizes=3)", "CC0714", "3", "takes a list of whole numbers", ""),
        ("tune(sizes=[1, a])", "CC0714", "[1, a]", "takes a list of whole numbers", ""),
        ("tune(cost=3)", "CC0714", "3", "what only Python can give", ""),
        ("tune(count=1, count=2)", "CC0714", "count", "given twice", ""),
        ("tune(count=-1)", "CC0714", "tune", "must not be negative", ""),
        ("follow", "CC0714", "follow", "cannot run without `profile`", ""),
        ("tune(count=3", "CC0714", "", "the end where `,` was expected", "quotes"),
        ("tune(count)", "CC0714", ")", "`)` where `=` was expected", ""),
        ("tune(=3)", "CC0714", "=", "no option", ""),
        ("tune tune", "CC0714", "tune", "`tune` where `,` was expected", ""),
        ("tune)", "CC0714", ")", "`)` where `,` was expected", ""),
        ("(tune)", "CC0714", "(", "no name of a pass", ""),
        ("tune(dims='B=8)", "CC0714", "'", "a string without an end", ""),
        ("tune; tune", "CC0714", ";", "`;` in a list of passes", ""),
        ("fixpoint()", "CC0714", "fixpoint", "of no passes", ""),
        ("O1(tune)", "CC0714", "tune", "none of the passes of O1", "`tune, O1` runs it before"),
    ],
)
def test_slips_are_told_with_place_and_remedy(written: str, code: str, marked: str, message: str, hint: str) -> None:
    (found,) = wrong(written)
    assert (found.code, found.span.text) == (code, marked)
    assert message in found.message and hint in found.hint


def test_several_slips_are_told_at_once() -> None:
    assert [one.code for one in wrong("tune(a=1, count=x), nothing(of='it'), fixpoint(tune(b=2))")] == [
        "CC0714",
        "CC0714",
        "CC0709",
        "CC0714",
    ]
