"""What only the value of an exit needs is computed for those that leave there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.backends.torch.counting import MacCounter
from chunkc.grammar.elaborate import loads

SPEC = """
model late(d: int = 6) {{
  input x: f32[B, d]
  chunk stage[3](h) {{ h |> linear(d) |> tanh }}
  chunk sure[3](h) {{ h |> linear(1) |> sigmoid |> squeeze(-1) }}
  chunk say[3](h, g, x) {{
    router inner {{ score = h |> linear(2)  keep = top(1) }}
    output y = sum([concat([h, g, x]) |> linear(2), g |> linear(2)], by=inner)
  }}
  g = x |> linear(d)
  h = x
  for i in 0..3 {{
    before = h
    h = stage[i](h)
    score[i] = sure[i](h)
    answer[i] = say[i](h, if i > 0 {{ before * 2 }} else {{ g }}, x |> linear(d) |> relu)
  }}
  router exit {{ score = stack(score)  weight = 1  keep = above(0.5, of=score) |> first(1)  {fallback} }}
  fuse y = sum(answer, by=exit)
  output y
}}
"""


@pytest.mark.parametrize("fallback", ["", "fallback = last when none"])
def test_values_are_computed_where_they_are_kept(fallback: str) -> None:
    torch.manual_seed(0)
    graph = loads(SPEC.format(fallback=fallback))
    module = lower(graph).double().eval()
    x = torch.randn(40, 6, dtype=torch.float64)
    with torch.no_grad():
        for value in module.parameters():
            value *= 4
        with MacCounter() as counter:
            y = module(x)
    found = module.decisions().items()
    decisions = {path: tuple(map(np.asarray, d)) if isinstance(d, tuple) else np.asarray(d) for path, d in found}
    params = {name: value.numpy() for name, value in module.state_dict().items()}
    result = run(graph, {"x": x.numpy()}, params, decisions=decisions)
    np.testing.assert_allclose(y.numpy(), result.outputs["y"], atol=1e-12)
    assert not result.disagreements and not result.unused

    load = [int(decisions["exit"][:, i].sum()) for i in range(3)]
    asked = [40, 40 - load[0], 40 - load[0] - load[1]]
    scored = 3 if not fallback else 2
    expected = sum(asked) * 36 + sum(asked[:scored]) * 6 + sum(load) * 36 + load[0] * 36
    for i in range(3):
        kept, known = decisions[f"say.{i}.inner"]
        assert int(known[..., 0].sum()) == load[i]
        expected += load[i] * 12 + int((kept & known)[:, 0].sum()) * 36 + int((kept & known)[:, 1].sum()) * 12
    assert counter.macs == expected and load[0] and load[2]
