# The first result is read elsewhere too: both are fused at once, side by side. A norm between them moves along; it is copied for
# nobody else, as the sum is.
core read_elsewhere {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = param "w" : f32[4, 4]
  %gate = select "gate" (%s) {kind = "router", slots = ["score"], rules = [above(0.0, of="score"), first(1)]} : selection(bool[B, 2], f32[B, 2])
  %a = op tanh (%x) : f32[B, 4]
  %b = op sigmoid (%x) : f32[B, 4]
  %f = fuse "sum" (%a, %b, %gate) {by = true} : f32[B, 4]
  %h = op add (%x, %f) : f32[B, 4]
  %n = op layer_norm (%h) {eps = 1e-05, slots = ["x"]} : f32[B, 4]
  %c = op linear (%n, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %d = op exp (%n) : f32[B, 4]
  %g = fuse "mean" (%c, %d, %gate) {by = true} : f32[B, 4]
  %y = op add (%h, %g) : f32[B, 4]
  output "y" = %y
}
# ---
core read_elsewhere {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = param "w" : f32[4, 4]
  %gate = select "gate" (%s) {kind = "router", slots = ["score"], rules = [above(0.0), first(1)]} : selection(bool[B, 2], f32[B, 2])
  %a = op tanh (%x) : f32[B, 4]
  %b = op sigmoid (%x) : f32[B, 4]
  %h = op add (%x, %a) : f32[B, 4]
  %n = op layer_norm (%h) {eps = 1e-05, slots = ["x"]} : f32[B, 4]
  %c = op linear (%n, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %9 = op add (%a, %c) : f32[B, 4]
  %h.2 = op add (%x, %b) : f32[B, 4]
  %n.2 = op layer_norm (%h.2) {eps = 1e-05, slots = ["x"]} : f32[B, 4]
  %d = op exp (%n.2) : f32[B, 4]
  %13 = op add (%b, %d) : f32[B, 4]
  %g = fuse "mean" (%9, %13, %gate) {by = true} : f32[B, 4]
  %y = op add (%x, %g) : f32[B, 4]
  output "y" = %y
}
