"""Each call of a member has a call path of its own, alone or in its array."""

from __future__ import annotations

from chunkc.grammar.elaborate import loads

MODEL = """
model paths {
  input x: f32[B, 4]
  chunk part[3](h) { h |> linear(4) }
  y = part[1](x)
  z = sum(part(x)) + part[0](y) + part[1](y)
  output z
}
"""


def test_calls_of_one_member_differ():
    graph = loads(MODEL)
    calls = [(node.attrs["call"], node.attrs["members"]) for node in graph.nodes if node.op == "apply"]
    paths = [f"{call}.{member}" for call, members in calls for member in members]
    assert len(set(paths)) == len(paths) == 6
