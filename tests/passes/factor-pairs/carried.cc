# Through what works on each element alone, moves rows, or scales; a reshape of the rows follows the product.
core carried {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %half = const {value = 0.5} : f32[]
  %all = op pairs (%t, %s) : f32[B, T, S, 7]
  %act = op sigmoid (%all) : f32[B, T, S, 7]
  %scaled = op mul (%act, %half) : f32[B, T, S, 7]
  %turned = op transpose (%scaled) {a = -3, b = -2} : f32[B, S, T, 7]
  %still = op stop_gradient (%turned) : f32[B, S, T, 7]
  %flat = op reshape (%still) {shape = [B, S * T, 7]} : f32[B, S * T, 7]
  %y = op linear (%flat, %w) {slots = ["x", "weight"]} : f32[B, S * T, 8]
  output "y" = %y
}
# ---
core carried {training = false, parameters = [
    p("w", f32[8, 7], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  %w = param "w" : f32[8, 7]
  %half = const {value = 0.5} : f32[]
  %4 = op unsqueeze (%t) {axis = -2} : f32[B, T, 1, 4]
  %5 = op sigmoid (%4) : f32[B, T, 1, 4]
  %6 = op mul (%5, %half) : f32[B, T, 1, 4]
  %7 = op transpose (%6) {a = -3, b = -2} : f32[B, 1, T, 4]
  %8 = op stop_gradient (%7) : f32[B, 1, T, 4]
  %9 = op slice (%w) {axis = -1, start = 0, stop = 4, step = 1} : f32[8, 4]
  %10 = op linear (%8, %9) {slots = ["x", "weight"]} : f32[B, 1, T, 8]
  %11 = op unsqueeze (%s) {axis = -3} : f32[B, 1, S, 3]
  %12 = op sigmoid (%11) : f32[B, 1, S, 3]
  %13 = op mul (%12, %half) : f32[B, 1, S, 3]
  %14 = op transpose (%13) {a = -3, b = -2} : f32[B, S, 1, 3]
  %15 = op stop_gradient (%14) : f32[B, S, 1, 3]
  %16 = op slice (%w) {axis = -1, start = 4, stop = 7, step = 1} : f32[8, 3]
  %17 = op linear (%15, %16) {slots = ["x", "weight"]} : f32[B, S, 1, 8]
  %18 = op add (%10, %17) : f32[B, S, T, 8]
  %y = op reshape (%18) {shape = [B, S * T, 8]} : f32[B, S * T, 8]
  output "y" = %y
}
