# What else the words say: every kind of statement, field and value in one file.
use "blocks.cc"

chunk shared(h: f32[B, d], by) -> f32[B, d]
  = extern("hf:org/name@sha256:0a1b#part.i", trainable=true)
  requires "a>=1", "b"

chunk stored[n, m](h) { h |> linear(d) } from "models/stored@v2"

model deepseek(d: int = 64, experts: int = 8, rate: float = 1.25) {
  input x: f32[B, T, d]
  input mask: bool[T, T]
  state bias: f32[experts] = 0
  param w: f32[experts, d] = normal(0.02) frozen
  param scale: f32

  router group { score = unstack(x)  keep = top(4) }
  router gate {
    score    = x |> linear(experts)
    weight   = renormalise(sigmoid)
    keep     = top(8, of=sigmoid(score) + bias) |> first(share(rate / experts), over=[B, T])
    within   = group
    fallback = last when none
  }
  router others {
    score  = x |> linear(2)
    within = not group
    train  = gumbel(tau=0.5)
    cache  = exact(entries=16)
  }
  next bias = bias + 1e-3 * sign(mean(gate.load) - gate.load)

  chunk expert[experts](h) {
    up = h |> linear(4 * d)
    if training {
      up = up |> dropout(10%)
    } else if experts > 8 and not (d < 4) or d mod 2 == 0 {
      up = -up
    } else {
      up = up / 1
    }
    output h = up |> gelu |> linear(d)
  }

  h = x
  for name in [a, b, c] {
    for i in 0..d / 2 {
      router live[i] {
        score = h |> mean(T) |> linear(1)
        keep  = if training { top(12.5%, over=T) } else { above(0.5, of=sigmoid(score)) }
      }
      sure[i] = h[0, 1..3, .., ..2, 3..] @ w
      fuse h = residual(h, block(h, among=live[i]), by=live[i])
      loss work[i] = 1e-3 * density(live[i])
    }
  }
  memory { budget = 512MiB  evict = lru  prefetch = speculative(2) }
  y = weighted_sum(expert(h), by=gate) |> f(a, mask=[causal, mask], if=3).next.in
  output y
  output stacked = stack(sure)[0] != 3
}
