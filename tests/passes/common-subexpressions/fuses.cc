# Fuses of the same streams by the same selection are one, with the calls that only they need, and so are their readers.
core fuses {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %a = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%a, %g) {by = true} : f32[B, 4]
  %b = apply "e" (%x) {members = ["0", "1"], body = %c0, call = "e@2"} : bundle[2](f32[B, 4])
  %z = fuse "sum" (%b, %g) {by = true} : f32[B, 4]
  %c = fuse "mean" (%b, %g) {by = true} : f32[B, 4]
  %1 = field "kept" (%g) : bool[B, 2]
  %2 = field "kept" (%g) : bool[B, 2]
  %3 = op cast (%1) {dtype = f32} : f32[B, 2]
  %4 = op cast (%2) {dtype = f32} : f32[B, 2]
  %5 = op sub (%3, %4) : f32[B, 2]
  output "y" = %y
  output "z" = %z
  output "none" = %5
}
# ---
core fuses {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%a, %g) {by = true} : f32[B, 4]
  %5 = field "kept" (%g) : bool[B, 2]
  %6 = op cast (%5) {dtype = f32} : f32[B, 2]
  %7 = op sub (%6, %6) : f32[B, 2]
  output "y" = %y
  output "z" = %y
  output "none" = %7
}
