"""The host loop: a traced call is cut at host steps, and runs as its text does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from chunkc.backends.torch import compile
from chunkc.backends.torch.emission import Method
from chunkc.backends.torch.hosting import HOST_STEPS, host_step
from chunkc.backends.torch.regions import Call, trace
from chunkc.grammar.elaborate import loads

SPEC = """model m(d: int = 4) {
  input x: f32[B, d]
  chunk part[2](h) { h |> linear(d) }
  router gate { score = x |> linear(2)  keep = top(1) }
  fuse y = weighted_sum(part(x), by=gate)
  output y
}
"""


@pytest.fixture
def seen() -> Iterator[list[Any]]:
    """What the host step `look` of these tests was handed."""
    found: list[Any] = []

    @host_step
    def look(module: Any, value: Any) -> Any:
        if module is None:
            return value
        found.append(value)
        return value + 1

    yield found
    del HOST_STEPS["look"]


def hosted(text: str) -> tuple[Any, Call]:
    """A module whose call is this text, and the call traced."""
    made: Any = compile(loads(SPEC)).eval()
    names = made.namespace.__dict__
    names.update(HOST_STEPS)
    exec(text, names)
    type(made).compute_here = names["compute_here"]
    return made, trace(made, Method("compute_here", ("x",), (), True))


def test_no_host_step_is_one_region(seen: list[Any]) -> None:
    made, call = hosted("def compute_here(self, ctx, x):\n    return x * 2")
    assert call.hosted is call.pure and len(call.hosted.program.steps) == 1
    assert "host" not in call.hosted.program.takes


def test_cut_at_host_steps(seen: list[Any]) -> None:
    text = """def compute_here(self, ctx, x):
    first = self.gate.linear_1(x) * 2
    unread = x - 1
    looked = look(ctx.host, first)
    look(ctx.host, x.shape[0])
    return torch.cat([first, looked, self.gate.linear_1(x)])
"""
    made, call = hosted(text)
    x = torch.randn(3, 4)
    value, _ = call.hosted.run(made, (x,))
    first = made.gate.linear_1(x) * 2
    torch.testing.assert_close(value, torch.cat([first, first + 1, made.gate.linear_1(x)]))
    assert torch.equal(seen[0], first) and seen[1] == 3
    steps = call.hosted.program.steps
    assert [type(step).__name__ for step in steps] == ["Region", "HostCall", "Region", "HostCall", "Region"]
    assert {"host", "x"} & {name for dead in call.hosted.program.dead for name in dead} == {"host", "x"}
    pure, _ = call.pure.run(made, (x,))
    torch.testing.assert_close(pure, torch.cat([first, first, made.gate.linear_1(x)]))
    assert len(seen) == 2 and len(call.pure.program.steps) == 1


BRANCH = """def compute_here(self, ctx, x):
    scale = x.abs().sum() * 0 + 2
    def then():
        kept = ctx.keep("gate", x > 0)
        return look(ctx.host, x * scale), x
    def otherwise():
        kept = ctx.keep("gate", x < 0)
        def deep():
            return x + scale + self.gate.linear_1.weight.sum()
        return branch(ctx, scale > 1, deep, lambda: x), x + 1
    one, two = branch(ctx, x.sum() > 0, then, otherwise)
    return one * 3 + two
"""


@pytest.mark.parametrize("sign", [1, -1])
def test_one_way_of_a_branch_runs(seen: list[Any], sign: int) -> None:
    made, call = hosted(BRANCH)
    x = sign * torch.rand(3, 4)
    value, last = call.hosted.run(made, (x,))
    untraced, record = made._run_untraced(Method("compute_here", ("x",), (), True), (x,))
    weight = made.gate.linear_1.weight.sum()
    expected = (x * 2 + 1) * 3 + x if sign > 0 else (x + 2 + weight) * 3 + x + 1
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(untraced, expected)
    assert len(seen) == (2 if sign > 0 else 0)
    assert bool(last.kept["gate"][0].all()) and bool(record.kept["gate"][0].all())


def test_a_pure_call_takes_the_whole_way(seen: list[Any]) -> None:
    made, call = hosted(BRANCH)
    x = torch.rand(3, 4)
    value, last = call.pure.run(made, (x,))
    torch.testing.assert_close(value, x * 3 + x + 1)
    assert not seen and not bool(last.kept["gate"][0].any())


def test_ways_that_leave_different_things_are_refused(seen: list[Any]) -> None:
    with pytest.raises(ValueError, match="leave different things"):
        hosted(BRANCH.replace('ctx.keep("gate", x < 0)', "x"))
