# A softmax is never above 1, nor is way 2 or 3 among the first two: their members are not called. Score and weights stay.
core never {training = false, parameters = [
    p("e.0.w", f32[4], uniform(0.5)),
    p("e.1.w", f32[4], uniform(0.5)),
    p("e.2.w", f32[4], uniform(0.5)),
    p("e.3.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %w = op softmax (%s) {axis = -1} : f32[B, 4]
  %two = select "two" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [first(2)]} : selection(bool[B, 4], f32[B, 4])
  %none = select "none" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [above(1.0, of="weight")]} : selection(bool[B, 4], f32[B, 4])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    output "" = %y
  }
  %e = apply "e" (%x) {members = ["0", "1", "2", "3"], body = %c0} : bundle[4](f32[B, 4])
  %y = fuse "sum" (%e, %two) {by = true} : f32[B, 4]
  %a = op relu (%x) : f32[B, 4]
  %z = fuse "concat" (%a, %a, %x, %a, %none) {by = true} : f32[B, 16]
  output "y" = %y
  output "z" = %z
}
# ---
core never {training = false, parameters = [
    p("e.0.w", f32[4], uniform(0.5)),
    p("e.1.w", f32[4], uniform(0.5)),
    p("e.2.w", f32[4], uniform(0.5)),
    p("e.3.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %w = op softmax (%s) {axis = -1} : f32[B, 4]
  %two = select "two" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [first(2)]} : selection(bool[B, 4], f32[B, 4])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    output "" = %y
  }
  %e = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %5 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %y = fuse "sum" (%e, %5, %5, %two) {by = true} : f32[B, 4]
  %z = op zeros {shape = [B, 16], dtype = f32} : f32[B, 16]
  %8 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %none = select "none" (%8) {kind = "router", slots = ["score"], rules = [first(0)], recorded = true} : selection(bool[B, 4], f32[B, 4])
  output "y" = %y
  output "z" = %z
}
