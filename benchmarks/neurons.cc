# A layer of which each sample keeps a share of the neurons, alike for all of its positions.
model neurons(d: int = 512, kept: float = 0.25) {
  input x: f32[B, T, d]
  param w: f32[4 * d, d]

  mask live {
    score = x |> mean(T) |> linear(4 * d)
    grain = neuron
    keep  = top(share(kept))
  }
  output y = x |> linear(w, mask=live) |> relu |> linear(d)
}
