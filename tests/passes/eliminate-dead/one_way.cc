# An array of one is a plain call, of the same member under the same path, and so is one that is zipped with one value.
core one_way {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("f.0.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 1]
  %w = op sigmoid (%s) : f32[B, 1]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  chunk %c1 "f" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %live = select "live" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [above(0.3, of="weight")]} : selection(bool[B, 1], f32[B, 1])
  %e = apply "e" (%x) {members = ["0"], body = %c0} : bundle[1](f32[B, 4])
  %y = fuse "sum" (%e, %live) {by = true} : f32[B, 4]
  %e.0 = field "0" (%e) : f32[B, 4]
  %z = op add (%y, %e.0) : f32[B, 4]
  %f = apply "f" (%z) {members = ["0"], zipped = true, body = %c1} : bundle[1](f32[B, 4])
  %f.0 = field "0" (%f) : f32[B, 4]
  output "y" = %f.0
}
# ---
core one_way {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("f.0.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 1]
  %w = op sigmoid (%s) : f32[B, 1]
  %live = select "live" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [above(0.3, of="weight")]} : selection(bool[B, 1], f32[B, 1])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %e = apply "e" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  %y = fuse "sum" (%e, %live) {by = true} : f32[B, 4]
  %z = op add (%y, %e) : f32[B, 4]
  chunk %c1 "f" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %f = apply "f" (%z) {members = ["0"], body = %c1, single = true} : f32[B, 4]
  output "y" = %f
}
