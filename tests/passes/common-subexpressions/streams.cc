# What two routers ask for alike stays apart: each computes it on what it keeps, and together it would be computed everywhere.
# What is needed everywhere anyway is taken from there.
core streams {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %t = input "t" : f32[B, 2]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %k = select "k" (%t) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %a = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %b = apply "e" (%x) {members = ["0", "1"], body = %c0, call = "e@2"} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%a, %g) {by = true} : f32[B, 4]
  %z = fuse "sum" (%b, %k) {by = true} : f32[B, 4]
  %1 = op gelu (%x) : f32[B, 4]
  %2 = op gelu (%x) : f32[B, 4]
  %3 = op gelu (%x) : f32[B, 4]
  %4 = op neg (%1) : f32[B, 4]
  %5 = op exp (%2) : f32[B, 4]
  %v = fuse "sum" (%4, %5, %g) {by = true} : f32[B, 4]
  output "y" = %y
  output "z" = %z
  output "v" = %v
  output "g" = %3
}
# ---
core streams {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %t = input "t" : f32[B, 2]
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %k = select "k" (%t) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %b = apply "e" (%x) {members = ["0", "1"], body = %c0, call = "e@2"} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%a, %g) {by = true} : f32[B, 4]
  %z = fuse "sum" (%b, %k) {by = true} : f32[B, 4]
  %9 = op gelu (%x) : f32[B, 4]
  %10 = op neg (%9) : f32[B, 4]
  %11 = op exp (%9) : f32[B, 4]
  %v = fuse "sum" (%10, %11, %g) {by = true} : f32[B, 4]
  output "y" = %y
  output "z" = %z
  output "v" = %v
  output "g" = %9
}
