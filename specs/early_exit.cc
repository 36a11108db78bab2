# BranchyNet (Teerapittayanon et al., 2016): the first classifier that is sure answers, and what lies behind it is not computed.
model early_exit(d: int = 256, layers: int = 6, classes: int = 10) {
  input x: f32[B, d]
  chunk stage[layers](h) { h + (h |> layer_norm |> linear(4 * d) |> gelu |> linear(d)) }
  chunk classify[layers](h) { h |> linear(classes) }

  h = x
  for i in 0..layers {
    h = stage[i](h)
    answer[i] = classify[i](h)
    sure[i] = answer[i] |> softmax |> max
  }
  router exit {
    score    = stack(sure)
    weight   = 1
    keep     = above(0.9, of=score) |> first(1)
    fallback = last when none
  }

  fuse y = weighted_sum(answer, by=exit)
  output y
  output answers = stack(answer, axis=1)     # what training wants: every classifier learns
}
