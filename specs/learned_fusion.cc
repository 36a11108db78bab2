# Scalar mixing of what several encoders say, as in ELMo (Peters et al., 2018): one learned weight a stream.
model learned_fusion(d: int = 256, layers: int = 3) {
  input x: f32[B, d]
  chunk encoder[layers](h) { h |> linear(d) |> gelu |> linear(d) }

  fuse y = learned(encoder(x))
  output y
}
