# Hierarchical sparsity: neurons first, then single weights of the neurons that live, ranked as in Wanda (Sun et al., 2024).
model dynamic_sparsity_hierarchical(d: int = 512) {
  input x: f32[B, d]
  param w1: f32[4 * d, d]

  mask coarse {
    score = importance(x, w1)
    grain = neuron
    keep  = top(50%)
    train = straight_through
  }
  mask fine {
    score  = abs(w1) * unsqueeze(abs(x), 1)
    grain  = weight
    keep   = top(25%)                  # of what `coarse` kept
    within = coarse
    train  = straight_through
  }
  loss sparsity = 1e-3 * density(coarse) + 1e-3 * density(fine)

  output y = x |> linear(w1, mask=fine) |> relu |> linear(d)
}
