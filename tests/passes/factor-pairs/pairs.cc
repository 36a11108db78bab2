# A product with all pairs: one with each side's positions, and their sums. The bias is added once.
core pairs {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("b", f32[8], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %b = param "b" : f32[8]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %y = op linear (%all, %w, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, S, 8]
  output "y" = %y
}
# ---
core pairs {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("b", f32[8], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %b = param "b" : f32[8]
  %4 = op unsqueeze (%t) {axis = -2} : f32[B, T, 1, 4]
  %5 = op slice (%w) {axis = -1, start = 0, stop = 4, step = 1} : f32[8, 4]
  %6 = op linear (%4, %5, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, 1, 8]
  %7 = op unsqueeze (%s) {axis = -3} : f32[B, 1, S, 3]
  %8 = op slice (%w) {axis = -1, start = 4, stop = 7, step = 1} : f32[8, 3]
  %9 = op linear (%7, %8) {slots = ["x", "weight"]} : f32[B, 1, S, 8]
  %y = op add (%6, %9) : f32[B, T, S, 8]
  output "y" = %y
}
