# Sparsely-gated mixture of experts (Shazeer et al., 2017; Switch Transformer, 2022).
model moe(d: int = 512, experts: int = 8, k: int = 2) {
  input x: f32[B, T, d]

  chunk expert[experts](h) { h |> linear(4 * d) |> gelu |> linear(d) }

  router gate {
    score  = x |> linear(experts)
    weight = softmax                     # over all ways; renormalise(softmax) divides by the kept sum
    keep   = top(k)
  }
  loss balance = 0.01 * load_balance(gate) + 0.001 * z_loss(gate)

  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
