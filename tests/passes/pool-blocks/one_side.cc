# Where both factors vary along one axis the mean over it stays, and that over the other is taken of the weight alone.
core one_side {training = false, parameters = [
    p("w", f32[32, 16], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 1, 16]
  %w = param "w" : f32[32, 16]
  %1 = op mul (%w, %x) : f32[B, 32, 16]
  %y = op pool_blocks (%1) {axes = [-2, -1], sizes = [8, 8]} : f32[B, 4, 2]
  output "y" = %y
}
# ---
core one_side {training = false, parameters = [
    p("w", f32[32, 16], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 1, 16]
  %w = param "w" : f32[32, 16]
  %2 = op pool_blocks (%w) {axes = [-2, -1], sizes = [8, 1]} : f32[4, 16]
  %3 = op mul (%2, %x) : f32[B, 4, 16]
  %y = op pool_blocks (%3) {axes = [-2, -1], sizes = [1, 8]} : f32[B, 4, 2]
  output "y" = %y
}
