"""Reading a spec stays quick, and grows with its length and layers."""

from __future__ import annotations

import time
from collections.abc import Callable

from chunkc.grammar import elaborate

LAYERED = """
model m(d: int = 64, layers: int = {layers}, experts: int = 64) {{
  input x: f32[B, T, d]
  chunk expert[layers, experts](h) {{ h |> linear(4 * d) |> gelu |> linear(d) }}
  h = x
  for i in 0..layers {{
    router gate[i] {{ score = h |> linear(experts)  keep = top(2) }}
    loss balance = load_balance(gate[i])
    fuse h = residual(h, weighted_sum(expert[i](h), by=gate[i]))
  }}
  output h
}}
"""
PART = """
model layer_{i}(d: int = 256, heads: int = 8, experts: int = 16) {{
  input x: f32[B, T, d]
  chunk expert[experts](h) {{
    wide = h |> linear(4 * d)
    gate = h |> linear(4 * d) |> silu
    output y = wide * gate |> linear(d)
  }}
  router gate {{
    score  = x |> linear(experts)
    weight = renormalise(softmax)
    keep   = top(2)
  }}
  loss balance = 0.01 * load_balance(gate) + 0.001 * z_loss(gate)
  q = x |> linear(d) |> heads(heads) |> rope
  k = x |> linear(d) |> heads(heads) |> rope
  v = x |> linear(d) |> heads(heads)
  seen = attention(q, k, v, mask=causal) |> merge_heads |> linear(d)
  h = x + seen |> rms_norm
  fuse mixed = weighted_sum(expert(h), by=gate)
  output y = mixed + h
}}
"""


def least(call: Callable[[], object], rounds: int = 3) -> float:
    """Processor time of the quickest round, the first not counted."""
    call()
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return min(times)


def test_five_hundred_lines_take_less_than_half_a_second() -> None:
    parts = "".join(PART.format(i=i) for i in range(20))
    calls = "\n".join(f"    |> layer_{i}" for i in range(20))
    text = f"{parts}\nmodel all(d: int = 256) {{\n  input x: f32[B, T, d]\n  output y = x\n{calls}\n}}\n"
    assert 450 <= text.count("\n") <= 600
    assert least(lambda: elaborate.loads(text, training=True)) < 0.5


def test_layers_cost_alike() -> None:
    few, many = (least(lambda n=n: elaborate.loads(LAYERED.format(layers=n), training=True)) for n in (16, 64))
    assert many < 0.5
    assert many < 8 * few, "four times the layers, so about four times the time"
