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
  %2 = op index (%s) {axis = -1, index = 0} : f32[B, 2]
  %3 = op tanh (%s) : f32[B, 2, 3]
  %4 = op mean (%3) {axes = [-1], keepdims = false} : f32[B, 2]
  %c = select "c" (%2, %4) {kind = "router", slots = ["score", "weight"], rules = [above(1.0, of="weight")]} : selection(bool[B, 2], f32[B, 2])
  %g = op gelu (%x) : f32[B, 4]
  %e = op exp (%x) : f32[B, 4]
  %i = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %j = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %k = fuse "sum" (%g, %e, %c) {by = true} : f32[B, 4]
  %11 = op zeros {shape = [B, 2], dtype = f32} : f32[B, 2]
  %a = select "a" (%11) {kind = "router", slots = ["score"], rules = [first(0)], recorded = true} : selection(bool[B, 2], f32[B, 2])
  %13 = op zeros {shape = [B, 2], dtype = f32} : f32[B, 2]
  %b = select "b" (%13) {kind = "router", slots = ["score"], rules = [first(0)], recorded = true} : selection(bool[B, 2], f32[B, 2])
  output "i" = %i
  output "j" = %j
  output "k" = %k
}
