# Two products with nothing between: the second is taken of the sides too. The pairs stay for whoever else reads them.
core twice {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("b", f32[8], uniform(0.5)),
    p("v", f32[2, 8], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %b = param "b" : f32[8]
  %v = param "v" : f32[2, 8]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %h = op linear (%all, %w, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, S, 8]
  %y = op linear (%h, %v) {slots = ["x", "weight"]} : f32[B, T, S, 2]
  output "y" = %y
  output "all" = %all
}
# ---
core twice {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("b", f32[8], uniform(0.5)),
    p("v", f32[2, 8], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %b = param "b" : f32[8]
  %v = param "v" : f32[2, 8]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %6 = op unsqueeze (%t) {axis = -2} : f32[B, T, 1, 4]
  %7 = op slice (%w) {axis = -1, start = 0, stop = 4, step = 1} : f32[8, 4]
  %8 = op linear (%6, %7, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, 1, 8]
  %9 = op unsqueeze (%s) {axis = -3} : f32[B, 1, S, 3]
  %10 = op slice (%w) {axis = -1, start = 4, stop = 7, step = 1} : f32[8, 3]
  %11 = op linear (%9, %10) {slots = ["x", "weight"]} : f32[B, 1, S, 8]
  %12 = op linear (%8, %v) {slots = ["x", "weight"]} : f32[B, T, 1, 2]
  %13 = op linear (%11, %v) {slots = ["x", "weight"]} : f32[B, 1, S, 2]
  %y = op add (%12, %13) : f32[B, T, S, 2]
  output "y" = %y
  output "all" = %all
}
