# A stack that does not fit in memory: 64 blocks, 64 MiB each in f32, one behind the other.
model giant_layers(d: int = 1024, layers: int = 64, ahead: int = 1, budget: int = 512MiB) {
  input x: f32[B, T, d]
  chunk block[layers](h) { h |> layer_norm |> linear(8 * d) |> gelu |> linear(d) }

  h = x
  for i in 0..layers {
    h = h + block[i](h)
  }
  memory {
    budget   = budget
    prefetch = ahead
  }
  output h
}
