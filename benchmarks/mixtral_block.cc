# The experts of Mixtral (Jiang et al., 2024) without the rest of its layer.
model mixtral_block(d: int = 512, ffn: int = 2048, experts: int = 8, k: int = 2) {
  input x: f32[B, T, d]
  param gate: f32[experts, d]

  chunk expert[experts](x) {
    param w1: f32[ffn, d]
    param w2: f32[d, ffn]
    param w3: f32[ffn, d]
    output y = silu(linear(x, w1)) * linear(x, w3) |> linear(w2)
  }
  router route {
    score  = linear(x, gate)
    weight = renormalise(softmax)
    keep   = top(k)
  }

  fuse y = weighted_sum(expert(x), by=route)
  output y
}
