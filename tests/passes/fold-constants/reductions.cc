# Sums that no order rounds, means and extremes of what is alike, a softmax over a power of two, the first of equals.
core reductions {training = false} {
  %x = input "x" : f32[B, 4]
  %1 = op ones {shape = [B, 8, 4], dtype = f32} : f32[B, 8, 4]
  %2 = op sum (%1) {axes = [-2], keepdims = false} : f32[B, 4]
  %3 = op mean (%1) {axes = [-2], keepdims = false} : f32[B, 4]
  %4 = op max (%2) {axes = [-1], keepdims = true} : f32[B, 1]
  %5 = op softmax (%2) {axis = -1} : f32[B, 4]
  %6 = op argmax (%1) {axis = -2} : i64[B, 4]
  %7 = op mul (%x, %2) : f32[B, 4]
  %8 = op mul (%7, %3) : f32[B, 4]
  %9 = op mul (%8, %4) : f32[B, 4]
  %10 = op mul (%9, %5) : f32[B, 4]
  output "y" = %10
  output "best" = %6
}
# ---
core reductions {training = false} {
  %x = input "x" : f32[B, 4]
  %1 = const {value = 8.0} : f32[]
  %2 = op broadcast (%1) {shape = [B, 4]} : f32[B, 4]
  %3 = op ones {shape = [B, 4], dtype = f32} : f32[B, 4]
  %4 = const {value = 8.0} : f32[]
  %5 = op broadcast (%4) {shape = [B, 1]} : f32[B, 1]
  %6 = const {value = 0.25} : f32[]
  %7 = op broadcast (%6) {shape = [B, 4]} : f32[B, 4]
  %8 = op zeros {shape = [B, 4], dtype = i64} : i64[B, 4]
  %9 = op mul (%x, %2) : f32[B, 4]
  %10 = op mul (%9, %3) : f32[B, 4]
  %11 = op mul (%10, %5) : f32[B, 4]
  %12 = op mul (%11, %7) : f32[B, 4]
  output "y" = %12
  output "best" = %8
}
