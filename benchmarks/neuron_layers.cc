# Gated feed-forward layers of which a low-rank guess keeps some neurons, after `specs/topk_neurons.cc`.
model neuron_layers(d: int = 4096, neurons: int = 1024, kept: int = 128, rank: int = 32, layers: int = 6) {
  input x: f32[B, d]

  chunk layer[layers](h) {
    param w1: f32[neurons, d]
    param w3: f32[neurons, d]
    n = h |> layer_norm
    mask live {
      score = n |> linear(rank) |> linear(neurons)
      grain = neuron
      keep  = top(kept)
    }
    output y = h + ((n |> linear(w1, mask=live) |> silu) * (n |> linear(w3, mask=live)) |> linear(d))
  }

  h = x
  for i in 0..layers { h = layer[i](h) }
  memory { budget = 20% }
  output h
}
