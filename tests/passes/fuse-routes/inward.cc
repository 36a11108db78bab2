# What follows a route of one way is done on what it keeps: up to the bias, which is not 0 where nothing is kept.
core inward {training = false, parameters = [
    p("w", f32[6, 4], uniform(0.5)),
    p("v", f32[2, 6], uniform(0.5)),
    p("b", f32[2], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 1]
  %w = param "w" : f32[6, 4]
  %v = param "v" : f32[2, 6]
  %b = param "b" : f32[2]
  %p = op sigmoid (%s) : f32[B, T, 1]
  %live = select "live" (%s, %p) {kind = "router", slots = ["score", "weight"], rules = [above(0.5, of="weight")]} : selection(bool[B, T, 1], f32[B, T, 1])
  %t = op tanh (%x) : f32[B, T, 4]
  %f = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %1 = op linear (%f, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %2 = op relu (%1) : f32[B, T, 6]
  %3 = op unsqueeze (%2) {axis = -2} : f32[B, T, 1, 6]
  %4 = op linear (%3, %v, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, 1, 2]
  output "y" = %4
}
# ---
core inward {training = false, parameters = [
    p("w", f32[6, 4], uniform(0.5)),
    p("v", f32[2, 6], uniform(0.5)),
    p("b", f32[2], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 1]
  %w = param "w" : f32[6, 4]
  %v = param "v" : f32[2, 6]
  %b = param "b" : f32[2]
  %p = op sigmoid (%s) : f32[B, T, 1]
  %live = select "live" (%s, %p) {kind = "router", slots = ["score", "weight"], rules = [above(0.5, of="weight")]} : selection(bool[B, T, 1], f32[B, T, 1])
  %t = op tanh (%x) : f32[B, T, 4]
  %8 = op linear (%t, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %9 = op relu (%8) : f32[B, T, 6]
  %10 = fuse "sum" (%9, %live) {by = true} : f32[B, T, 6]
  %11 = op unsqueeze (%10) {axis = -2} : f32[B, T, 1, 6]
  %12 = op linear (%11, %v, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, 1, 2]
  output "y" = %12
}
