# Does not fire: a bare parameter, views of it, a scalar, and what is made of numbers alone (no parameter says where to keep it).
core plain {training = false, parameters = [p("w", f32[4, 4], uniform(0.5)), p("t", f32, constant(0.5))]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %t = param "t" : f32
  %1 = op transpose (%w) {a = -2, b = -1} : f32[4, 4]
  %2 = op sigmoid (%t) : f32
  %3 = op ones {shape = [4], dtype = f32} : f32[4]
  %4 = op exp (%3) : f32[4]
  %5 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, 4]
  %6 = op mul (%5, %2) : f32[B, 4]
  %7 = op mul (%6, %4) : f32[B, 4]
  output "y" = %7
}
# ---
core plain {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
    p("t", f32, constant(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %t = param "t" : f32[]
  %3 = op transpose (%w) {a = -2, b = -1} : f32[4, 4]
  %4 = op sigmoid (%t) : f32[]
  %5 = op ones {shape = [4], dtype = f32} : f32[4]
  %6 = op exp (%5) : f32[4]
  %7 = op linear (%x, %3) {slots = ["x", "weight"]} : f32[B, 4]
  %8 = op mul (%7, %4) : f32[B, 4]
  %9 = op mul (%8, %6) : f32[B, 4]
  output "y" = %9
}
