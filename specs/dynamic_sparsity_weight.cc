# Dynamic sparsity weight by weight, decided once a batch: for every output, the half of its inputs that matter now.
model dynamic_sparsity_weight(d: int = 512) {
  input x: f32[B, d]
  param w1: f32[4 * d, d]

  mask live {
    score = importance(x |> abs |> mean(B), w1)
    grain = weight
    keep  = top(50%)
    train = straight_through
  }
  loss sparsity = 1e-3 * density(live)

  output y = x |> linear(w1, mask=live) |> relu |> linear(d)
}
