# What stands side by side: whole neighbours stay together, what is alike for all positions is multiplied once a sample.
core joined {training = false, parameters = [
    p("w", f32[8, 14], uniform(0.5)),
    p("g", f32[2], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %z = input "z" : f32[B, T, 3]
  %p = input "p" : f32[B, 5]
  %g = param "g" : f32[2]
  %w = param "w" : f32[8, 14]
  %p1 = op unsqueeze (%p) {axis = -2} : f32[B, 1, 5]
  %pw = op broadcast (%p1) {shape = [B, T, 5]} : f32[B, T, 5]
  %gw = op broadcast (%g) {shape = [B, T, 2]} : f32[B, T, 2]
  %all = op concat (%x, %z, %pw, %gw) {axis = -1} : f32[B, T, 14]
  %y = op linear (%all, %w) {slots = ["x", "weight"]} : f32[B, T, 8]
  output "y" = %y
}
# ---
core joined {training = false, parameters = [
    p("w", f32[8, 14], uniform(0.5)),
    p("g", f32[2], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %z = input "z" : f32[B, T, 3]
  %p = input "p" : f32[B, 5]
  %g = param "g" : f32[2]
  %w = param "w" : f32[8, 14]
  %p1 = op unsqueeze (%p) {axis = -2} : f32[B, 1, 5]
  %6 = op unsqueeze (%g) {axis = -2} : f32[1, 2]
  %7 = op unsqueeze (%6) {axis = -3} : f32[1, 1, 2]
  %8 = op slice (%w) {axis = -1, start = 12, stop = 14, step = 1} : f32[8, 2]
  %9 = op linear (%7, %8) {slots = ["x", "weight"]} : f32[1, 1, 8]
  %10 = op slice (%w) {axis = -1, start = 7, stop = 12, step = 1} : f32[8, 5]
  %11 = op linear (%p1, %10) {slots = ["x", "weight"]} : f32[B, 1, 8]
  %12 = op add (%9, %11) : f32[B, 1, 8]
  %13 = op concat (%x, %z) {axis = -1} : f32[B, T, 7]
  %14 = op slice (%w) {axis = -1, start = 0, stop = 7, step = 1} : f32[8, 7]
  %15 = op linear (%13, %14) {slots = ["x", "weight"]} : f32[B, T, 8]
  %y = op add (%12, %15) : f32[B, T, 8]
  output "y" = %y
}
