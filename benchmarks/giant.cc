# A mixture whose experts do not fit in memory: 64 of them, 64 MiB each in f32, two for each input.
model giant(d: int = 1024, experts: int = 64, k: int = 2, budget: int = 512MiB) {
  input x: f32[B, d]

  chunk expert[experts](h) { h |> linear(8 * d) |> gelu |> linear(d) }

  router gate {
    score  = x |> linear(experts)
    weight = softmax
    keep   = top(k)
  }
  memory {
    budget   = budget
    prefetch = 1
  }
  fuse y = residual(x, weighted_sum(expert(x), by=gate))
  output y
}
