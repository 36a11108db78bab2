# A chain of rules that says more than it does, and an operand that no rule reads any more.
core rules {training = false} {
  %x = input "x" : f32[B, 8]
  %s = input "s" : f32[B, 4]
  %w = op softmax (%s) {axis = -1} : f32[B, 4]
  %bias = op add (%s, %w) : f32[B, 4]
  %r = select "r" (%s, %w, %bias, %w) {kind = "router", slots = ["score", "weight", "of.0", "coverage"], rules = [top(4, of="of.0"), all, top(2), first(1), first(share(0.5), over=[-2]), top(2)], fallback = ["all", 0.0]} : selection(bool[B, 4], f32[B, 4])
  %t = select "t" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [top(1)], fallback = ["last"]} : selection(bool[B, 4], f32[B, 4])
  %score = field "score" (%r) : f32[B, 4]
  %y = fuse "sum" (%x, %x, %x, %x, %r) {by = true} : f32[B, 8]
  %z = fuse "sum" (%x, %y, %x, %y, %t) {by = true} : f32[B, 8]
  output "score" = %score
  output "z" = %z
}
# ---
core rules {training = false} {
  %x = input "x" : f32[B, 8]
  %s = input "s" : f32[B, 4]
  %w = op softmax (%s) {axis = -1} : f32[B, 4]
  %r = select "r" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [all, top(2), first(1), first(share(0.5), over=[-2])]} : selection(bool[B, 4], f32[B, 4])
  %t = select "t" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %y = fuse "sum" (%x, %x, %x, %x, %r) {by = true} : f32[B, 8]
  %z = fuse "sum" (%x, %y, %x, %y, %t) {by = true} : f32[B, 8]
  output "score" = %s
  output "z" = %z
}
