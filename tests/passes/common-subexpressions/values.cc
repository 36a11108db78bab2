# Equal parameters, constants and ops of them are one, whichever factor stands first; whether a number is 0.0 or
# -0.0 makes a difference.
core values {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
    p("v", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %w.2 = param "w" : f32[4, 4]
  %v = param "v" : f32[4, 4]
  %a = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %b = op linear (%x, %w.2) {slots = ["x", "weight"]} : f32[B, 4]
  %c = op linear (%x, %v) {slots = ["x", "weight"]} : f32[B, 4]
  %d = op relu (%a) : f32[B, 4]
  %e = op relu (%b) : f32[B, 4]
  %zero = const {value = 0.0} : f32[]
  %minus = const {value = -0.0} : f32[]
  %f = op add (%d, %zero) : f32[B, 4]
  %g = op add (%e, %minus) : f32[B, 4]
  %h = op add (%f, %g) : f32[B, 4]
  %i = op mul (%h, %c) : f32[B, 4]
  %j = op mul (%c, %h) : f32[B, 4]
  %k = op sub (%h, %c) : f32[B, 4]
  %l = op sub (%c, %h) : f32[B, 4]
  %m = op maximum (%k, %l) : f32[B, 4]
  output "y" = %i
  output "z" = %j
  output "m" = %m
  output "b" = %b
}
# ---
core values {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
    p("v", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %v = param "v" : f32[4, 4]
  %a = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %c = op linear (%x, %v) {slots = ["x", "weight"]} : f32[B, 4]
  %d = op relu (%a) : f32[B, 4]
  %zero = const {value = 0.0} : f32[]
  %minus = const {value = -0.0} : f32[]
  %f = op add (%d, %zero) : f32[B, 4]
  %g = op add (%d, %minus) : f32[B, 4]
  %h = op add (%f, %g) : f32[B, 4]
  %i = op mul (%h, %c) : f32[B, 4]
  %k = op sub (%h, %c) : f32[B, 4]
  %l = op sub (%c, %h) : f32[B, 4]
  %m = op maximum (%k, %l) : f32[B, 4]
  output "y" = %i
  output "z" = %i
  output "m" = %m
  output "b" = %a
}
