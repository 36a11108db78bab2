# Nothing fires: a part must be masked where a kernel can skip it; an activation of a sum is no sum; two whole values side by side
# are read once as they are; and a normalised pair is no pair of normalised sides.
core not_less {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("v", f32[2, 8], uniform(0.5)),
    p("u", f32[2, 4], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %live = input "live" : bool[8, 1]
  %neurons = input "neurons" : bool[B, 1, 1, 8]
  %w = param "w" : f32[8, 7]
  %v = param "v" : f32[2, 8]
  %u = param "u" : f32[2, 4]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %mw = op masked (%w, %live) {slots = ["x", "kept"]} : f32[8, 7]
  %1 = op linear (%all, %mw) {slots = ["x", "weight"]} : f32[B, T, S, 8]
  %2 = op linear (%all, %w) {slots = ["x", "weight"]} : f32[B, T, S, 8]
  %3 = op masked (%2, %neurons) {slots = ["x", "kept"]} : f32[B, T, S, 8]
  %4 = op layer_norm (%all) {eps = 1e-05, slots = ["x"]} : f32[B, T, S, 7]
  %5 = op linear (%4, %w) {slots = ["x", "weight"]} : f32[B, T, S, 8]
  %6 = op add (%3, %5) : f32[B, T, S, 8]
  %7 = op add (%1, %6) : f32[B, T, S, 8]
  %t1 = op unsqueeze (%t) {axis = -2} : f32[B, T, 1, 4]
  %t2 = op unsqueeze (%t) {axis = -3} : f32[B, 1, T, 4]
  %8 = op add (%t1, %t2) : f32[B, T, T, 4]
  %9 = op gelu (%8) : f32[B, T, T, 4]
  %10 = op linear (%9, %u) {slots = ["x", "weight"]} : f32[B, T, T, 2]
  %tt = op concat (%t, %t) {axis = -1} : f32[B, T, 8]
  %11 = op linear (%tt, %v) {slots = ["x", "weight"]} : f32[B, T, 2]
  output "a" = %7
  output "b" = %10
  output "c" = %11
}
# ---
core not_less {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
    p("v", f32[2, 8], uniform(0.5)),
    p("u", f32[2, 4], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %live = input "live" : bool[8, 1]
  %neurons = input "neurons" : bool[B, 1, 1, 8]
  %w = param "w" : f32[8, 7]
  %v = param "v" : f32[2, 8]
  %u = param "u" : f32[2, 4]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %mw = op masked (%w, %live) {slots = ["x", "kept"]} : f32[8, 7]
  %9 = op linear (%all, %mw) {slots = ["x", "weight"]} : f32[B, T, S, 8]
  %10 = op linear (%all, %w) {slots = ["x", "weight"]} : f32[B, T, S, 8]
  %11 = op masked (%10, %neurons) {slots = ["x", "kept"]} : f32[B, T, S, 8]
  %12 = op layer_norm (%all) {eps = 1e-05, slots = ["x"]} : f32[B, T, S, 7]
  %13 = op linear (%12, %w) {slots = ["x", "weight"]} : f32[B, T, S, 8]
  %14 = op add (%11, %13) : f32[B, T, S, 8]
  %15 = op add (%9, %14) : f32[B, T, S, 8]
  %t1 = op unsqueeze (%t) {axis = -2} : f32[B, T, 1, 4]
  %t2 = op unsqueeze (%t) {axis = -3} : f32[B, 1, T, 4]
  %18 = op add (%t1, %t2) : f32[B, T, T, 4]
  %19 = op gelu (%18) : f32[B, T, T, 4]
  %20 = op linear (%19, %u) {slots = ["x", "weight"]} : f32[B, T, T, 2]
  %tt = op concat (%t, %t) {axis = -1} : f32[B, T, 8]
  %22 = op linear (%tt, %v) {slots = ["x", "weight"]} : f32[B, T, 2]
  output "a" = %15
  output "b" = %20
  output "c" = %22
}
