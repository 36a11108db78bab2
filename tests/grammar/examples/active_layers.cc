# Activity-based execution: blocks that would hardly contribute are skipped, and not loaded.
model active_layers(d: int = 512, layers: int = 12) {
  input x: f32[B, T, d]
  chunk block[layers](h) { h |> layer_norm |> linear(4 * d) |> gelu |> linear(d) }

  h = x
  for i in 0..layers {
    router live[i] { score = h |> mean(T) |> linear(1)  weight = sigmoid  keep = above(0.3)  train = straight_through }
    loss work = 1e-3 * density(live[i])
    fuse h = residual(h, block[i](h), by=live[i])
  }
  memory { budget = 25%  prefetch = speculative(2) }
  output h
}
