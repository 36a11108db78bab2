# Switch Transformer (Fedus, Zoph & Shazeer, 2022): one expert a token, and no expert takes more than its capacity.
model switch(d: int = 512, experts: int = 8, capacity: float = 1.25) {
  input x: f32[B, T, d]

  chunk expert[experts](h) { h |> linear(4 * d) |> relu |> linear(d) }

  router gate {
    score = x |> jitter(eps=0.01) |> linear(experts)
    keep  = top(1) |> first(share(capacity / experts), over=[B, T])
  }
  loss balance = 0.01 * load_balance(gate)

  fuse y = residual(x, weighted_sum(expert(x), by=gate))  # a dropped token passes by
  output y
  output load = gate.load
}
