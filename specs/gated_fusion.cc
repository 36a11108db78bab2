# Gated fusion of two modalities (after Arevalo et al., 2017): a gate for each, which sees both.
model gated_fusion(image: int = 512, text: int = 256, d: int = 256) {
  input seen: f32[B, image]
  input read: f32[B, text]
  chunk look(h) { h |> linear(d) |> gelu |> linear(d) }
  chunk listen(h) { h |> linear(d) |> gelu |> linear(d) }

  fuse y = gated(look(seen), listen(read))
  output y
}
