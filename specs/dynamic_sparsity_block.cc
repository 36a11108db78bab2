# Dynamic sparsity by blocks of a weight, which hardware can skip: each sample multiplies its own blocks.
model dynamic_sparsity_block(d: int = 512, block: int = 32) {
  input x: f32[B, d]
  param w1: f32[4 * d, d]

  mask live {
    score = importance(x, w1)
    grain = block(block, block)
    keep  = above(learned(0.5, from=x))          # the threshold adapts to the input
    train = straight_through
  }
  loss sparsity = 1e-3 * density(live)

  output y = x |> linear(w1, mask=live) |> relu |> linear(d)
}
