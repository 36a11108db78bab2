"""`python -m benchmarks.frontend`: how long reading a spec takes, by its lines and by its layers. Medians in milliseconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from chunkc.compiler.diagnostics import Findings
from chunkc.compiler.source import Source
from chunkc.grammar import elaborate
from chunkc.grammar.parse import parse

LINES = (125, 250, 500, 1000)
LAYERS = (12, 24, 48, 96)

PART = """
# One layer of many kinds: attention under a mask, a mixture, and pathways that meet.
model layer_{i}(d: int = 256, heads: int = 8, experts: int = 16, k: int = 2) {{
  input x: f32[B, T, d]
  param scale: f32[d] = 1

  chunk expert[experts](h) {{
    wide = h |> linear(4 * d)
    gate = h |> linear(4 * d) |> silu
    output y = wide * gate |> linear(d)
  }}
  chunk way[left, right, straight](h) {{ h |> layer_norm |> linear(d) |> gelu }}

  router gate {{
    score  = x |> linear(experts)
    weight = renormalise(softmax)
    keep   = top(k)
    train  = straight_through
  }}
  router chosen {{ score = x |> linear(3)  keep = above(0.3) |> first(2)  fallback = last when none }}
  loss balance = 0.01 * load_balance(gate) + 0.001 * z_loss(gate)

  mask live {{
    score = x |> linear(d) |> sigmoid
    grain = neuron
    keep  = top(if training {{ 50% }} else {{ 25% }})
    train = straight_through
  }}

  q = x |> linear(d) |> heads(heads) |> rope
  k_ = x |> linear(d) |> heads(heads) |> rope
  v = x |> linear(d) |> heads(heads)
  seen = attention(q, k_, v, mask=causal) |> merge_heads |> linear(d)
  h = x + seen |> rms_norm |> linear(d, mask=live)
  for i in 0..2 {{
    h = h * scale + relu(h) / sqrt(d)
  }}
  fuse mixed = weighted_sum(expert(h), by=gate)
  fuse met = residual(mixed, mixed |> linear(d))
  fuse ways = weighted_sum(way(met), by=chosen)
  output y = ways + x
}}
"""
BODY = PART.count("\n") + 1

LAYERED = """
model m(d: int = 64, layers: int = {layers}, experts: int = 64) {{
  input x: f32[B, T, d]
  chunk layer[layers](h) {{
    chunk expert[experts](h) {{ h |> linear(4 * d) |> gelu |> linear(d) }}
    router gate {{ score = h |> linear(experts)  keep = top(2) }}
    loss balance = load_balance(gate)
    output y = h + weighted_sum(expert(h), by=gate)
  }}
  chunk expert[layers, experts](h) {{ h |> linear(4 * d) |> gelu |> linear(d) }}
  h = x
  for i in 0..layers {{
    h = layer[i](h)
    router gate[i] {{ score = h |> linear(experts)  keep = top(2) }}
    loss balance = load_balance(gate[i])
    fuse h = residual(h, weighted_sum(expert[i](h), by=gate[i]))
  }}
  output h
}}
"""


def spec(lines: int) -> str:
    """A text of that many lines: models with chunks, routers, masks and losses, and one that calls them all."""
    count = max(1, (lines - 5) // (BODY + 1))
    parts = "".join(PART.format(i=i) for i in range(count))
    calls = "\n".join(f"    |> layer_{i}" for i in range(count))
    text = f"{parts}\nmodel all(d: int = 256) {{\n  input x: f32[B, T, d]\n  output y = x\n{calls}\n}}\n"
    return text + "# end\n" * (lines - text.count("\n"))


def median(call: Callable[[], object], rounds: int = 9) -> float:
    """Processor time, so that what else the machine does counts little."""
    call()
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        call()
        times.append(1e3 * (time.process_time() - begin))
    return statistics.median(times)


def measure(text: str) -> tuple[float, float, float]:
    """Reading the text, and all there is to do for eval and for training (reading included)."""
    read = median(lambda: parse(Source("<benchmark>", text), Findings()))
    both = [median(lambda training=training: elaborate.loads(text, training=training)) for training in (False, True)]
    return read, both[0], both[1]


def main() -> None:
    """Print both tables."""
    print(f"{'lines':>8} {'parse':>8} {'eval':>8} {'training':>8}   (parse and elaborate)")
    for lines in LINES:
        print(f"{lines:>8} {' '.join(f'{value:8.1f}' for value in measure(spec(lines)))}")
    print(f"{'layers':>8} {'parse':>8} {'eval':>8} {'training':>8}   (two mixtures of 64 experts a layer)")
    for layers in LAYERS:
        print(f"{layers:>8} {' '.join(f'{value:8.1f}' for value in measure(LAYERED.format(layers=layers)))}")


if __name__ == "__main__":
    main()
