# Conditional feed-forward computation (Davis & Arel, 2014): a low-rank guess says which neurons will fire.
model topk_neurons(d: int = 512, rank: int = 32) {
  input x: f32[B, T, d]
  param w1: f32[4 * d, d]
  param b1: f32[4 * d] = 0

  mask live {
    score = x |> linear(rank) |> linear(4 * d)
    grain = neuron
    keep  = top(12.5%)
    train = straight_through
  }

  output y = x |> linear(w1, bias=b1, mask=live) |> relu |> linear(d)
}
