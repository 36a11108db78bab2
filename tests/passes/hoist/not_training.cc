# Does not fire in a training graph: the next step has other weights, and their gradient is wanted.
core trained {training = true, parameters = [p("w", f32[4, 4], uniform(0.5))]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %1 = op tanh (%w) : f32[4, 4]
  %2 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, 4]
  output "y" = %2
}
# ---
core trained {training = true, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %2 = op tanh (%w) : f32[4, 4]
  %3 = op linear (%x, %2) {slots = ["x", "weight"]} : f32[B, 4]
  output "y" = %3
}
