# Nine pathways meet at a null point; the query decides which of them speak.
model nine_ways(d: int = 288) {
  input slot: f32[B, d]
  input query: f32[B, d]

  chunk pathway[propositional, perspectival, procedural, participatory, prehension,
                comprehension, apprehension, reprehension, extension](h) {
    h |> linear(d) |> layer_norm |> gelu |> linear(d)
  }
  router chosen { score = query |> linear(9)  keep = top(4) }

  fuse field = null_point(pathway(slot), by=chosen, heads=9)
  output field
  output importance = chosen.weight
  output attention = field.attention
}
