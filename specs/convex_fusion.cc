# Gated multimodal unit (Arevalo et al., 2017): at every feature, a convex combination of the two modalities.
model convex_fusion(image: int = 512, text: int = 256, d: int = 256) {
  input seen: f32[B, image]
  input read: f32[B, text]
  chunk look(h) { h |> linear(d) |> tanh }
  chunk listen(h) { h |> linear(d) |> tanh }

  fuse y = gated_convex(look(seen), listen(read))
  output y
}
