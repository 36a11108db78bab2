# An image is worth 16x16 words (Dosovitskiy et al., 2021): ViT-B/16.
model vit(
  size: int = 224,
  patch: int = 16,
  d: int = 768,
  layers: int = 12,
  h: int = 12,
  classes: int = 1000
) {
  input image: f32[B, 3, size, size]
  n = (size / patch) * (size / patch)
  param summary: f32[1, 1, d] = 0
  param position: f32[n + 1, d] = normal(0.02)

  chunk block[layers](x) {
    normed = x |> layer_norm(eps=1e-6)
    q = normed |> linear(d) |> heads(h)
    k = normed |> linear(d) |> heads(h)
    v = normed |> linear(d) |> heads(h)
    seen = x + (attention(q, k, v) |> merge_heads |> linear(d))
    output y = seen + (seen |> layer_norm(eps=1e-6) |> linear(4 * d) |> gelu |> linear(d))
  }

  patches = image |> conv2d(d, patch, stride=patch) |> reshape([B, d, n]) |> transpose(1, 2)
  x = concat([broadcast(summary, [B, 1, d]), patches], axis=1) + position
  for i in 0..layers {
    x = block[i](x)
  }
  output y = x[.., 0] |> layer_norm(eps=1e-6) |> linear(classes)
}
