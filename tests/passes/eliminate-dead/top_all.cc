# Best 2 of 2, above what nothing is below, the first 9: each keeps all, so none decides, and all weigh as they did. What reads
# the decision reads a constant.
core top_all {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %1 = op ones {shape = [B, 2], dtype = bool} : bool[B, 2]
  %r = select "r" (%s, %w, %1, %w) {kind = "router", slots = ["score", "weight", "allowed", "coverage"], rules = [top(2), first(9)], fallback = ["all", 0.5], renormalise = true} : selection(bool[B, 2], f32[B, 2])
  %a = op gelu (%x) : f32[B, 4]
  %y = fuse "sum" (%x, %a, %r) {by = true} : f32[B, 4]
  %c = op ones {shape = [B, 2], dtype = f32} : f32[B, 2]
  %t = select "t" (%c, %w) {kind = "router", slots = ["score", "weight"], rules = [above(0.5)]} : selection(bool[B, 2], f32[B, 2])
  %z = fuse "mean" (%x, %a, %t) {by = true} : f32[B, 4]
  %2 = field "weight" (%t) : f32[B, 2]
  %3 = field "gate" (%t) : f32[B, 2]
  %4 = op add (%2, %3) : f32[B, 2]
  output "y" = %y
  output "z" = %z
  output "weight" = %4
}
# ---
core top_all {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %r = select "r" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [all], renormalise = true} : selection(bool[B, 2], f32[B, 2])
  %a = op gelu (%x) : f32[B, 4]
  %y = fuse "sum" (%x, %a, %r) {by = true} : f32[B, 4]
  %c = op ones {shape = [B, 2], dtype = f32} : f32[B, 2]
  %t = select "t" (%c, %w) {kind = "router", slots = ["score", "weight"], rules = [all]} : selection(bool[B, 2], f32[B, 2])
  %z = fuse "mean" (%x, %a, %t) {by = true} : f32[B, 4]
  %9 = op ones {shape = [B, 2], dtype = f32} : f32[B, 2]
  %10 = op add (%w, %9) : f32[B, 2]
  output "y" = %y
  output "z" = %z
  output "weight" = %10
}
