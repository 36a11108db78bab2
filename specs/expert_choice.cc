# Expert choice routing (Zhou et al., 2022): experts pick their tokens, so that every expert has the same load.
model expert_choice(d: int = 512, experts: int = 8, capacity: float = 2) {
  input x: f32[B, T, d]

  chunk expert[experts](h) { h |> linear(4 * d) |> gelu |> linear(d) }

  router gate {
    score = x |> linear(experts)
    keep  = top(share(capacity / experts), over=[B, T], of=softmax(score))
  }

  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
