# Deja Vu (Liu et al., 2023): while one layer runs, a small network foresees which neurons the next will need.
model deja_vu(d: int = 512, layers: int = 6, h: int = 8) {
  input tokens: f32[B, T, d]

  chunk block[layers](x, before) {
    param w1: f32[4 * d, d]
    n = x |> layer_norm
    q = n |> linear(d) |> heads(h)
    k = n |> linear(d) |> heads(h)
    v = n |> linear(d) |> heads(h)
    seen = x + (attention(q, k, v, mask=causal) |> merge_heads |> linear(d))

    mask live {
      score = before |> linear(d / 4) |> linear(4 * d)
      grain = neuron
      keep  = top(25%)
      train = straight_through
    }
    output y = seen + (seen |> layer_norm |> linear(w1, mask=live) |> relu |> linear(d))
  }

  x = tokens
  before = tokens
  for i in 0..layers {
    y = block[i](x, before)
    before = x                         # what the layer before saw is known early
    x = y
  }
  output x
}
