# Attention pooling by a question (after Bahdanau et al., 2015): what the question finds in a sequence of another width.
model cross_pooling(d: int = 256, asked: int = 128, classes: int = 10) {
  input question: f32[B, asked]
  input x: f32[B, S, d]

  pooled = cross_pool(question, x)
  output y = pooled |> linear(classes)
  output attention = pooled.attention
}
