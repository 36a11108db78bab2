# No weight reaches its threshold: half a sigmoid is at most 0.5, minus an absolute value at most 0, a mean of tanh about 1. What is
# at most about 1, give or take rounding, may be above 1.
core range {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2, 3]
  %half = const {value = 0.5} : f32[]
  %1 = op index (%s) {axis = -1, index = 0} : f32[B, 2]
  %2 = op sigmoid (%1) : f32[B, 2]
  %3 = op mul (%2, %half) : f32[B, 2]
  %4 = op abs (%1) : f32[B, 2]
  %5 = op neg (%4) : f32[B, 2]
  %6 = op tanh (%s) : f32[B, 2, 3]
  %7 = op mean (%6) {axes = [-1], keepdims = false} : f32[B, 2]
  %a = select "a" (%1, %3) {kind = "router", slots = ["score", "weight"], rules = [above(0.6, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %b = select "b" (%1, %5) {kind = "router", slots = ["score", "weight"], rules = [above(0.0, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %c = select "c" (%1, %7) {kind = "router", slots = ["score", "weight"], rules = [above(1.0, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %g = op gelu (%x) : f32[B, 4]
  %e = op exp (%x) : f32[B, 4]
  %i = fuse "sum" (%g, %e, %a) {by = true} : f32[B, 4]
  %j = fuse "sum" (%g, %e, %b) {by = true} : f32[B, 4]
  %k = fuse "sum" (%g, %e, %c) {by = true} : f32[B, 4]
  output "i" = %i
  output "j" = %j
  output "k" = %k
}
# ---
core range {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2, 3]
  %half = const {value = 0.5} : f32[]
  %3 = op index (%s) {axis = -1, index = 0} : f32[B, 2]
  %4 = op sigmoid (%3) : f32[B, 2]
  %5 = op mul (%4, %half) : f32[B, 2]
  %6 = op abs (%3) : f32[B, 2]
  %7 = op neg (%6) : f32[B, 2]
  %8 = op tanh (%s) : f32[B, 2, 3]
  %9 = op mean (%8) {axes = [-1], keepdims = false} : f32[B, 2]
  %a = select "a" (%3, %5) {kind = "router", slots = ["score", "weight"], rules = [above(0.6, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %b = select "b" (%3, %7) {kind = "router", slots = ["score", "weight"], rules = [above(0.0, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %c = select "c" (%3, %9) {kind = "router", slots = ["score", "weight"], rules = [above(1.0, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %g = op gelu (%x) : f32[B, 4]
  %e = op exp (%x) : f32[B, 4]
  %15 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %i = fuse "sum" (%15, %15, %a) {by = true} : f32[B, 4]
  %j = fuse "sum" (%15, %15, %b) {by = true} : f32[B, 4]
  %k = fuse "sum" (%g, %e, %c) {by = true} : f32[B, 4]
  output "i" = %i
  output "j" = %j
  output "k" = %k
}
