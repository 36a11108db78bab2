# Dynamic sparsity: an importance prediction network prunes weights for this input only.
model dynamic_sparsity(d: int = 512) {
  input x: f32[B, d]
  param w1: f32[4 * d, d]

  mask live {
    score = importance(x, w1, hidden=16)       # sees the input and the weight; one score a sample and neuron
    grain = neuron                             # weight | neuron | channel | head | block(32, 32)
    keep  = above(learned(0.5))                # learned(0.5, from=x) adapts it to the input
    train = straight_through
    cache = fingerprint(bits=16, entries=1024) # approximate reuse, asked for; exact(entries=n) compares whole keys
  }
  loss sparsity    = 1e-3 * density(live)
  loss consistency = 1e-2 * consistency(live, x)

  output y = x |> linear(w1, mask=live) |> relu |> linear(d)
}
