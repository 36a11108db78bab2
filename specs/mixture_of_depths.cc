# Mixture-of-Depths (Raposo et al., 2024): a layer takes the tokens that need it, which see only each other; the others pass by.
model mixture_of_depths(d: int = 512, layers: int = 12, h: int = 8) {
  input tokens: f32[B, T, d]

  chunk block[layers](x) {
    n = x |> layer_norm
    q = n |> linear(d) |> heads(h) |> rope
    k = n |> linear(d) |> heads(h) |> rope
    v = n |> linear(d) |> heads(h)
    seen = attention(q, k, v, mask=causal) |> merge_heads |> linear(d)
    output y = seen + (x + seen |> layer_norm |> linear(4 * d) |> gelu |> linear(d))
  }

  x = tokens
  for i in 0..layers {
    router live[i] {
      score  = x |> linear(1)
      weight = sigmoid
      keep   = if training { top(12.5%, over=T) } else { above(0.5, of=sigmoid(score)) }  # causal where text is written
    }
    loss foresight = bce(sigmoid(live[i].score), cast(live[i].kept, f32)) |> mean_all
    fuse x = residual(x, block[i](x, among=live[i]), by=live[i])
  }
  output x
}
