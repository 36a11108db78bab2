# DeepSeek-V3's mixture (DeepSeek-AI, 2024): a token goes to a few groups of experts, and a bias balances them without a loss.
model deepseek_moe(d: int = 2048, ffn: int = 1408, experts: int = 64, groups: int = 8, k: int = 6) {
  input x: f32[B, T, d]
  param centroid: f32[experts, d]
  state bias: f32[experts] = 0

  chunk expert[experts](h) { silu(linear(h, ffn)) * linear(h, ffn) |> linear(d) }
  chunk shared(h) { silu(linear(h, 2 * ffn)) * linear(h, 2 * ffn) |> linear(d) }

  affinity = x |> linear(centroid)
  biased = sigmoid(affinity) + bias

  router best {                        # a group is worth what its two best experts are
    score  = stop_gradient(biased) |> reshape([B, T, groups, experts / groups])
    weight = score
    keep   = top(2)
  }
  router group {
    score = sum(best.weight)
    keep  = top(50%)
  }
  router gate {
    score  = affinity
    weight = renormalise(sigmoid)      # the bias chooses, and weighs nothing
    keep   = top(k, of=sigmoid(score) + bias)
    within = group
  }
  if training {
    next bias = bias + 0.001 * sign(mean(gate.load) - gate.load)
  }

  fuse y = shared(x) + weighted_sum(expert(x), by=gate)
  output y
}
