# Pathways of different kinds side by side (after Branchformer, Peng et al., 2022); each token takes the two that serve it best.
model multi_pathway(d: int = 256, h: int = 8, k: int = 2) {
  input x: f32[B, T, d]

  chunk near(x) {
    x |> transpose(1, 2) |> conv1d(d, 3, padding=1) |> transpose(1, 2) |> gelu |> linear(d)
  }
  chunk far(x) {
    q = x |> linear(d) |> heads(h)
    k = x |> linear(d) |> heads(h)
    v = x |> linear(d) |> heads(h)
    output y = attention(q, k, v) |> merge_heads |> linear(d)
  }
  chunk within(x) { x |> linear(4 * d) |> gelu |> linear(d) }

  normed = x |> layer_norm
  router path {
    score  = normed |> linear(3)
    weight = renormalise(softmax)
    keep   = top(k)
  }
  loss balance = 0.01 * load_balance(path)

  fuse y = residual(x, weighted_sum([near(normed), far(normed), within(normed)], by=path))
  output y
}
