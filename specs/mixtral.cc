# Mixtral of Experts (Jiang et al., 2024): a whole decoder layer.
model mixtral(d: int = 4096, ffn: int = 14336, h: int = 32, g: int = 8, experts: int = 8) {
  input x: f32[B, T, d]

  chunk self_attention(x) {            # h query heads share g key heads
    param wq: f32[d, d]
    param wk: f32[g * d / h, d]
    param wv: f32[g * d / h, d]
    param wo: f32[d, d]
    q = x |> linear(wq) |> heads(h) |> rope(base=1000000)
    k = x |> linear(wk) |> heads(g) |> rope(base=1000000)
    v = x |> linear(wv) |> heads(g)
    output y = attention(q, k, v, mask=causal) |> merge_heads |> linear(wo)
  }
  chunk expert[experts](x) {
    param w1: f32[ffn, d]
    param w2: f32[d, ffn]
    param w3: f32[ffn, d]
    output y = silu(linear(x, w1)) * linear(x, w3) |> linear(w2)
  }
  chunk attention_norm(x) { x |> rms_norm(eps=1e-5) }
  chunk expert_norm(x) { x |> rms_norm(eps=1e-5) }

  seen = x + self_attention(attention_norm(x))
  normed = expert_norm(seen)
  param gate: f32[experts, d]
  router route {
    score  = linear(normed, gate)
    weight = renormalise(softmax)
    keep   = top(2)
  }
  loss balance = 0.001 * load_balance(route)

  fuse y = residual(seen, weighted_sum(expert(normed), by=route))
  output y
}
