# Layers that all look at the same input with the same weights prune alike: one selection, under the paths of all.
model layers(d: int = 4, layers: int = 3) {
  input x: f32[B, d]
  param look: f32[d, d]
  param w: f32[d, d]
  h = x
  for i in 0..layers {
    mask live[i] { score = x |> linear(look, bias=false)  grain = neuron  keep = top(50%) }
    h = h |> linear(w, mask=live[i]) |> relu
  }
  output h
}
# ---
core layers {training = false, parameters = [
    p("look", f32[4, 4], uniform(0.5)),
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "look" : f32[4, 4]
  %2 = param "w" : f32[4, 4]
  %3 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, 4]
  %live = select "live.0" (%3, %3) {kind = "mask", grain = "neuron", rules = [top(share(0.5))], slots = ["score", "weight"], also = ["live.1", "live.2"]} : selection(bool[B, 4], f32[B, 4])
  %5 = op linear (%x, %2) {slots = ["x", "weight"]} : f32[B, 4]
  %6 = field "kept" (%live) : bool[B, 4]
  %7 = op masked (%5, %6) {slots = ["x", "kept"]} : f32[B, 4]
  %h = op relu (%7) : f32[B, 4]
  %9 = op linear (%h, %2) {slots = ["x", "weight"]} : f32[B, 4]
  %10 = op masked (%9, %6) {slots = ["x", "kept"]} : f32[B, 4]
  %h.2 = op relu (%10) : f32[B, 4]
  %12 = op linear (%h.2, %2) {slots = ["x", "weight"]} : f32[B, 4]
  %13 = op masked (%12, %6) {slots = ["x", "kept"]} : f32[B, 4]
  %h.3 = op relu (%13) : f32[B, 4]
  output "h" = %h.3
}
