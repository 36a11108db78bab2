# Null point: pathways meet in attention across one another (Vaswani et al., 2017), and one field comes out of it.
model null_point_fusion(d: int = 256, pathways: int = 4, h: int = 8, k: int = 2) {
  input x: f32[B, d]
  chunk pathway[pathways](h) { h |> linear(d) |> layer_norm |> gelu |> linear(d) }

  router chosen {
    score = x |> linear(pathways)
    keep  = top(k)
  }

  fuse field = null_point(pathway(x), by=chosen, heads=h)
  output field
  output attention = field.attention
}
