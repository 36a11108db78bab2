# Two routers that choose alike: one selection, and since both fuse the same experts, one fuse.
core fuses {training = true, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %v = op softmax (%s) {axis = -1} : f32[B, 2]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %g = select "g" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [top(1)], train = "straight_through"} : selection(bool[B, 2], f32[B, 2])
  %k = select "k" (%s, %v) {kind = "router", slots = ["score", "weight"], rules = [top(1)], train = "straight_through"} : selection(bool[B, 2], f32[B, 2])
  %a = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %b = apply "e" (%x) {members = ["0", "1"], body = %c0, call = "e@2"} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%a, %g) {by = true} : f32[B, 4]
  %z = fuse "sum" (%b, %k) {by = true} : f32[B, 4]
  output "y" = %y
  output "z" = %z
}
# ---
core fuses {training = true, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %g = select "g" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [top(1)], train = "straight_through", also = ["k"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%a, %g) {by = true} : f32[B, 4]
  output "y" = %y
  output "z" = %y
}
