#: what is never used
model m(d: int = 8, spare: int = 3) {              # warning: CC0804 spare
  input x: f32[B, d]
  input more: f32[B, d]                            # warning: CC0804 more
  param w: f32[d]                                  # warning: CC0804 w
  state s: f32[d] = 0                              # warning: CC0804 s
  chunk e(h) { h |> relu }                         # warning: CC0804 e
  router g { score = x |> linear(2) }              # warning: CC0804 g
  y = x |> relu                                    # warning: CC0804 y
  _meant = x |> relu
  output x
}

#: learned scores and thresholds that nothing trains
model m(d: int = 8) {
  input x: f32[B, d]
  chunk e[4](h) { h |> linear(d) }
  router even {
    score = x |> linear(4)                         # warning: CC0801 x |> linear(4)
    weight = 1
    keep = top(2)
  }
  router sure {
    score = x |> linear(4)
    keep = above(learned(0.5))                     # warning: CC0801 above(learned(0.5))
  }
  router smooth { score = x |> linear(4)  weight = 1  keep = above(learned(0.5))  train = straight_through }
  router fixed { score = x[.., 0..4]  weight = 1  keep = top(2) }
  router weighed { score = x |> linear(4)  keep = top(2) }
  router told { score = x |> linear(4)  weight = 1  keep = top(2) }
  mask hard {
    score = x |> linear(d)                         # warning: CC0801 x |> linear(d)
    grain = neuron
    keep = top(50%)
  }
  mask soft { score = x |> linear(d)  grain = neuron  keep = top(50%)  train = straight_through }
  loss teach = mean_all(told.score * told.score)
  a = weighted_sum(e(x), by=even) + weighted_sum(e(x), by=sure) + weighted_sum(e(x), by=smooth)
  b = weighted_sum(e(x), by=fixed) + weighted_sum(e(x), by=weighed) + weighted_sum(e(x), by=told)
  output y = a + b + linear(x, d, mask=hard) + linear(x, d, mask=soft)
}

#: what costs more than it seems
model m(d: int = 8) {
  input x: f32[B, T, d]
  input image: f32[B, 3, 8, 8]
  chunk e[2](h) { h |> batch_norm |> relu }        # warning: CC0803 batch_norm
  router g { score = image |> mean(2) |> mean(2) |> linear(2)  keep = top(1) }
  mask near {                                      # warning: CC0802 near
    score = pairs(x, x) |> linear(2)
    grain = pair
    keep  = levels(few=top(1), all=all)
    train = straight_through
  }
  q = x |> heads(2)
  output y = attention(q, q, q, mask=near)
  output z = weighted_sum(e(image), by=g)
}
