# Hash layers (Roller et al., 2021): the token itself says its expert, and nothing is learned about routing.
model hash_routing(d: int = 512, experts: int = 8) {
  input ids: i64[B, T]
  input x: f32[B, T, d]

  chunk expert[experts](h) { h |> linear(4 * d) |> relu |> linear(d) }

  router gate {
    score  = ids |> hash(experts) |> one_hot(experts)
    weight = 1
    keep   = top(1)
  }

  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
