# GPT-2 (Radford et al., 2019), its last layer tied to its embedding.
model gpt(
  vocabulary: int = 50257,
  context: int = 1024,
  layers: int = 12,
  h: int = 12,
  d: int = 768,
  drop: float = 0.1
) {
  input ids: i64[B, T]
  param token: f32[vocabulary, d] = normal(0.02)
  param position: f32[context, d] = normal(0.02)

  chunk block[layers](x) {
    n = x |> layer_norm
    q = n |> linear(d) |> heads(h)
    k = n |> linear(d) |> heads(h)
    v = n |> linear(d) |> heads(h)
    seen = x + (attention(q, k, v, mask=causal) |> merge_heads |> linear(d) |> dropout(p=drop))
    output y = seen + (seen |> layer_norm |> linear(4 * d) |> gelu |> linear(d) |> dropout(p=drop))
  }

  x = embedding(ids, token) + position[0..T] |> dropout(p=drop)
  for i in 0..layers {
    x = block[i](x)
  }
  output logits = x |> layer_norm |> linear(token)
}
