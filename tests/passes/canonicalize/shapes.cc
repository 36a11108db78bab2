# Elements moved there and back, shapes that do not change, joins of one.
core shapes {training = false} {
  %x = input "x" : f32[B, T, 8]
  %a = op transpose (%x) {a = -2, b = -1} : f32[B, 8, T]
  %b = op transpose (%a) {a = -1, b = -2} : f32[B, T, 8]
  %c = op reshape (%b) {shape = [B, 8 * T]} : f32[B, 8 * T]
  %d = op reshape (%c) {shape = [B, T, 2, 4]} : f32[B, T, 2, 4]
  %e = op permute (%d) {order = [-4, -2, -3, -1]} : f32[B, 2, T, 4]
  %f = op permute (%e) {order = [-4, -2, -3, -1]} : f32[B, T, 2, 4]
  %g = op reshape (%f) {shape = [B, T, 8]} : f32[B, T, 8]
  %h = op concat (%g) {axis = -1} : f32[B, T, 8]
  %i = op slice (%h) {axis = -2, start = 0, stop = T, step = 1} : f32[B, T, 8]
  %j = op stack (%i, %x) {axis = -1} : f32[B, T, 8, 2]
  %k = op index (%j) {axis = -1, index = 0} : f32[B, T, 8]
  %l = op cast (%k) {dtype = f64} : f64[B, T, 8]
  %m = op cast (%l) {dtype = f32} : f32[B, T, 8]
  %n = op heads (%m) {n = 2} : f32[B, 2, T, 4]
  %o = op merge_heads (%n) : f32[B, T, 8]
  %p = fuse "mean" (%o) : f32[B, T, 8]
  %q = op broadcast (%p) {shape = [B, T, 8]} : f32[B, T, 8]
  output "y" = %q
}
# ---
core shapes {training = false} {
  %x = input "x" : f32[B, T, 8]
  output "y" = %x
}
