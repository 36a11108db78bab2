# Self-attentive pooling (Lin et al., 2017): a sequence as one vector, weighted by what it says of itself.
model self_pooling(d: int = 256, classes: int = 10) {
  input x: f32[B, T, d]

  pooled = self_pool(x)
  output y = pooled |> linear(classes)
  output attention = pooled.attention
}
