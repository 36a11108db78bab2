# Elements that are all the same number, moved, joined, repeated and computed with: `ones`, `zeros`, or a `const` spread.
core spread {training = false} {
  %x = input "x" : f32[B, T, 8]
  %1 = op ones {shape = [T, B], dtype = f32} : f32[T, B]
  %2 = op transpose (%1) {a = -2, b = -1} : f32[B, T]
  %3 = op unsqueeze (%2) {axis = -1} : f32[B, T, 1]
  %4 = op concat (%3, %3) {axis = -1} : f32[B, T, 2]
  %5 = op repeat (%4) {n = 4, axis = -1} : f32[B, T, 8]
  %6 = op add (%5, %5) : f32[B, T, 8]
  %7 = op sub (%6, %5) : f32[B, T, 8]
  %8 = op sub (%7, %5) : f32[B, T, 8]
  %9 = op tanh (%8) : f32[B, T, 8]
  %10 = op sigmoid (%9) : f32[B, T, 8]
  %11 = op gt (%6, %10) : bool[B, T, 8]
  %12 = op masked (%6, %11) {slots = ["x", "kept"]} : f32[B, T, 8]
  %13 = op mul (%x, %12) : f32[B, T, 8]
  %14 = op add (%13, %9) : f32[B, T, 8]
  %15 = op mul (%14, %10) : f32[B, T, 8]
  output "y" = %15
  output "kept" = %11
}
# ---
core spread {training = false} {
  %x = input "x" : f32[B, T, 8]
  %1 = op zeros {shape = [B, T, 8], dtype = f32} : f32[B, T, 8]
  %2 = const {value = 0.5} : f32[]
  %3 = op broadcast (%2) {shape = [B, T, 8]} : f32[B, T, 8]
  %4 = op ones {shape = [B, T, 8], dtype = bool} : bool[B, T, 8]
  %5 = const {value = 2.0} : f32[]
  %6 = op broadcast (%5) {shape = [B, T, 8]} : f32[B, T, 8]
  %7 = op mul (%x, %6) : f32[B, T, 8]
  %8 = op add (%7, %1) : f32[B, T, 8]
  %9 = op mul (%8, %3) : f32[B, T, 8]
  output "y" = %9
  output "kept" = %4
}
