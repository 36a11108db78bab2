# Granularity-guided attention: per token pair, a small network picks coarse, medium or fine.
model translation_attention(d: int = 256, h: int = 8) {
  input source: f32[B, S, d]                   # encoder hidden states
  input target: f32[B, T, d]                   # decoder hidden states

  mask grain {
    score = pairs(target, source) |> linear(32) |> gelu |> linear(3)
    keep  = levels(coarse=top(5%), medium=top(25%), fine=all)
    grain = pair                               # or block(32, 32), fast: ranked by pooled blocks
    train = straight_through
  }
  loss sparsity = 1e-3 * density(grain)

  q = target |> linear(d) |> heads(h)
  k = source |> linear(d) |> heads(h)
  v = source |> linear(d) |> heads(h)
  output y = attention(q, k, v, mask=grain) |> merge_heads |> linear(d)
}
