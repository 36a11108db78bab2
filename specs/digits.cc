# A small mixture for handwritten digits of 8 × 8 pixels: two of eight experts look at each image. `chunkc demo` trains it.
model digits(d: int = 64, experts: int = 8, k: int = 2) {
  input image: f32[B, 64]

  chunk expert[experts](h) { h |> linear(4 * d) |> gelu |> linear(d) }

  h = image |> linear(d) |> gelu

  router gate {
    score  = h |> linear(experts)
    weight = renormalise(softmax)
    keep   = top(k)
  }
  loss balance = 0.05 * load_balance(gate)

  fuse y = weighted_sum(expert(h), by=gate)
  output digit = h + y |> layer_norm |> linear(10)
}
