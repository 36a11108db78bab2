# A network of pairs without an activation is one of blocks: its rows and columns are averaged before they meet.
core pairs {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("b", f32[8], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %b = param "b" : f32[8]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %1 = op linear (%all, %w, %b) {slots = ["x", "weight", "bias"]} : f32[B, T, S, 8]
  %y = op pool_blocks (%1) {axes = [-3, -2], sizes = [4, 2]} : f32[B, ceil(T / 4), ceil(S / 2), 8]
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
  %4 = op pool_blocks (%t) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 4]
  %5 = op pool_blocks (%s) {axes = [-2, -1], sizes = [2, 1]} : f32[B, ceil(S / 2), 3]
  %6 = op pairs (%4, %5) : f32[B, ceil(T / 4), ceil(S / 2), 7]
  %y = op linear (%6, %w, %b) {slots = ["x", "weight", "bias"]} : f32[B, ceil(T / 4), ceil(S / 2), 8]
  output "y" = %y
}
