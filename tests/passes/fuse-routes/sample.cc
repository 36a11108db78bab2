# One decision a sample: a mean over its positions is taken of the samples that are kept, of the entries that are read.
core sample {training = true, parameters = [
    p("w", f32[6, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, 1]
  %w = param "w" : f32[6, 4]
  %live = select "live" (%s) {kind = "router", slots = ["score"], rules = [above(0.0, of="score")]} : selection(bool[B, 1], f32[B, 1])
  %t = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %f = fuse "concat" (%t, %live) {by = true} : f32[B, T, 6]
  %1 = op mean (%f) {axes = [-2], keepdims = false} : f32[B, 6]
  %y = op slice (%1) {axis = -1, start = 1, stop = 5, step = 2} : f32[B, 2]
  output "y" = %y
}
# ---
core sample {training = true, parameters = [
    p("w", f32[6, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, 1]
  %w = param "w" : f32[6, 4]
  %live = select "live" (%s) {kind = "router", slots = ["score"], rules = [above(0.0)]} : selection(bool[B, 1], f32[B, 1])
  %t = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %5 = op mean (%t) {axes = [-2], keepdims = false} : f32[B, 6]
  %y = op slice (%5) {axis = -1, start = 1, stop = 5, step = 2} : f32[B, 2]
  %y.2 = fuse "sum" (%y, %live) {by = true} : f32[B, 2]
  output "y" = %y.2
}
