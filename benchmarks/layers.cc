# Decoder layers of Qwen3-30B-A3B (Yang et al., 2025): grouped-query attention, and eight of 128 experts for each token.
model layers(
  d: int = 2048,
  ffn: int = 768,
  h: int = 32,
  g: int = 4,
  experts: int = 128,
  layers: int = 48,
  k: int = 8
) {
  input x: f32[B, T, d]

  chunk layer[layers](x) {
    param wq: f32[2 * d, d]
    param wk: f32[g * 2 * d / h, d]
    param wv: f32[g * 2 * d / h, d]
    param wo: f32[d, 2 * d]
    chunk expert[experts](x) {
      param w1: f32[ffn, d]
      param w2: f32[d, ffn]
      param w3: f32[ffn, d]
      output y = silu(linear(x, w1)) * linear(x, w3) |> linear(w2)
    }
    n = x |> rms_norm
    q = n |> linear(wq) |> heads(h) |> rope
    key = n |> linear(wk) |> heads(g) |> rope
    v = n |> linear(wv) |> heads(g)
    seen = x + (attention(q, key, v, mask=causal) |> merge_heads |> linear(wo))
    normed = seen |> rms_norm
    router route {
      score  = normed |> linear(experts)
      weight = renormalise(softmax)
      keep   = top(k)
    }
    fuse y = residual(seen, weighted_sum(expert(normed), by=route))
    output y
  }

  s = x
  for i in 0..layers {
    s = layer[i](s)
  }
  output s
}
