# The surrogate of `top` is not that of `all`: in straight-through training the rules stay, but for `first` and `all`.
core straight {training = true} {
  %x = input "x" : f32[B, 8]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %r = select "r" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [top(2), first(2), top(2)], train = "straight_through"} : selection(bool[B, 2], f32[B, 2])
  %y = fuse "sum" (%x, %x, %r) {by = true} : f32[B, 8]
  output "y" = %y
}
# ---
core straight {training = true} {
  %x = input "x" : f32[B, 8]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %r = select "r" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [top(2), top(2)], train = "straight_through"} : selection(bool[B, 2], f32[B, 2])
  %y = fuse "sum" (%x, %x, %r) {by = true} : f32[B, 8]
  output "y" = %y
}
