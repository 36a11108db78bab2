# PonderNet (Banino et al., 2021): one cell thinks for as many steps as the sample needs; training weighs every step's answer.
model ponder_net(d: int = 128, steps: int = 8, classes: int = 10, prior: float = 0.2) {
  input x: f32[B, d]
  chunk cell(h, x) { concat([h, x]) |> linear(d) |> tanh }  # the same weights at each step
  chunk halt(h) { h |> linear(1) |> sigmoid |> squeeze(-1) }
  chunk classify(h) { h |> linear(classes) }

  h = x
  left = ones([B])                     # how likely it is to be still thinking
  expected = ones([B])
  for i in 0..steps {
    h = cell(h, x)
    now = if i == steps - 1 { ones([B]) } else { halt(h) }
    stop[i] = left * now
    hope[i] = expected * (if i == steps - 1 { 1 } else { prior })
    left = left * (1 - now)
    gone[i] = 1 - left
    expected = expected * (1 - prior)
    answer[i] = classify(h)
  }
  router done {
    score    = stack(gone)
    weight   = if training { stack(stop) } else { 1 }
    keep     = if training { all } else { above(0.5, of=score) |> first(1) }
    fallback = last when none
  }
  loss ponder = 0.01 * mean(kl(stack(stop), stack(hope)), B)

  fuse y = weighted_sum(answer, by=done)
  output y
  output chances = stack(stop)
}
