# Through sums, scaling by what is alike, joins and moves of other axes, choices for a whole sample, and repetition.
core carried {training = false, parameters = [
    p("w", f32[6, 4], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 6]
  %c = input "c" : bool[B, 1, 1, 1]
  %g = input "g" : f32[B, 1, 1, 6]
  %w = param "w" : f32[6, 4]
  %1 = op linear (%t, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %2 = op unsqueeze (%1) {axis = -2} : f32[B, T, 1, 6]
  %3 = op unsqueeze (%s) {axis = -3} : f32[B, 1, S, 6]
  %4 = op add (%2, %3) : f32[B, T, S, 6]
  %5 = op mul (%4, %g) : f32[B, T, S, 6]
  %6 = op broadcast (%2) {shape = [B, T, S, 6]} : f32[B, T, S, 6]
  %7 = op where (%c, %5, %6) : f32[B, T, S, 6]
  %8 = op transpose (%7) {a = -3, b = -2} : f32[B, S, T, 6]
  %n = op neg (%5) : f32[B, T, S, 6]
  %nt = op transpose (%n) {a = -3, b = -2} : f32[B, S, T, 6]
  %9 = op concat (%8, %nt) {axis = -1} : f32[B, S, T, 12]
  %10 = op index (%9) {index = 7, axis = -1} : f32[B, S, T]
  %12 = op pool_blocks (%10) {axes = [-2, -1], sizes = [4, 2]} : f32[B, ceil(S / 4), ceil(T / 2)]
  %y = op stop_gradient (%12) : f32[B, ceil(S / 4), ceil(T / 2)]
  output "y" = %y
}
# ---
core carried {training = false, parameters = [
    p("w", f32[6, 4], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 6]
  %c = input "c" : bool[B, 1, 1, 1]
  %g = input "g" : f32[B, 1, 1, 6]
  %w = param "w" : f32[6, 4]
  %5 = op pool_blocks (%t) {axes = [-2, -1], sizes = [2, 1]} : f32[B, ceil(T / 2), 4]
  %6 = op linear (%5, %w) {slots = ["x", "weight"]} : f32[B, ceil(T / 2), 6]
  %7 = op unsqueeze (%6) {axis = -2} : f32[B, ceil(T / 2), 1, 6]
  %8 = op pool_blocks (%s) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(S / 4), 6]
  %9 = op unsqueeze (%8) {axis = -3} : f32[B, 1, ceil(S / 4), 6]
  %10 = op add (%7, %9) : f32[B, ceil(T / 2), ceil(S / 4), 6]
  %11 = op mul (%10, %g) : f32[B, ceil(T / 2), ceil(S / 4), 6]
  %12 = op broadcast (%7) {shape = [B, ceil(T / 2), ceil(S / 4), 6]} : f32[B, ceil(T / 2), ceil(S / 4), 6]
  %13 = op where (%c, %11, %12) : f32[B, ceil(T / 2), ceil(S / 4), 6]
  %14 = op transpose (%13) {a = -3, b = -2} : f32[B, ceil(S / 4), ceil(T / 2), 6]
  %15 = op neg (%11) : f32[B, ceil(T / 2), ceil(S / 4), 6]
  %16 = op transpose (%15) {a = -3, b = -2} : f32[B, ceil(S / 4), ceil(T / 2), 6]
  %17 = op concat (%14, %16) {axis = -1} : f32[B, ceil(S / 4), ceil(T / 2), 12]
  %18 = op index (%17) {index = 7, axis = -1} : f32[B, ceil(S / 4), ceil(T / 2)]
  %y = op stop_gradient (%18) : f32[B, ceil(S / 4), ceil(T / 2)]
  output "y" = %y
}
