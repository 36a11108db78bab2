# Does not fire in a training graph: stacked weights are derived, and would die with each step.
core trained {training = true, chunks = [c("e", ["0", "1"])], parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %1 = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %1
  }
  %r = select "r" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %e = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%e, %r) {by = true} : f32[B, 4]
  output "y" = %y
}
# ---
core trained {training = true, chunks = [
    c("e", ["0", "1"]),
  ], parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %r = select "r" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %2 = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %2
  }
  %e = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%e, %r) {by = true} : f32[B, 4]
  output "y" = %y
}
