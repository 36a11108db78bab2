# X-LoRA (Buehler & Buehler, 2024): low-rank adapters of a frozen layer, mixed anew for every token by a small network.
model x_lora(d: int = 1024, adapters: int = 8, rank: int = 16) {
  input x: f32[B, T, d]
  param w: f32[d, d] frozen
  param b: f32[d] = 0 frozen

  chunk adapter[adapters](h) {
    param a: f32[rank, d]
    param b: f32[d, rank] = 0
    output y = h |> linear(a) |> linear(b)
  }
  router scaling {
    score = x |> linear(d / 4) |> relu |> linear(adapters)
    keep  = top_p(0.9)
  }

  fuse y = residual(linear(x, w, bias=b), weighted_sum(adapter(x), by=scaling))
  output y
}
