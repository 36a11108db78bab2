# Two layers of experts by one route: the combine of the first and the dispatch of the second cancel.
core cancelled {training = false, chunks = [
    c("a", ["0", "1"]),
    c("b", ["0", "1"]),
  ], parameters = [
    p("a.0.w", f32[6, 4], uniform(0.5)),
    p("b.0.v", f32[4, 6], uniform(0.5)),
    p("a.1.w", f32[6, 4], uniform(0.5)),
    p("b.1.v", f32[4, 6], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 2]
  %p = op softmax (%s) {axis = -1} : f32[B, T, 2]
  %gate = select "gate" (%s, %p) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[B, T, 2], f32[B, T, 2])
  chunk %c0 "a" {
    %h = input "h" : f32[B, T, 4]
    %w = param "w" : f32[6, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
    output "" = %y
  }
  chunk %c1 "b" {
    %h = input "h" : f32[B, T, 6]
    %v = param "v" : f32[4, 6]
    %y = op linear (%h, %v) {slots = ["x", "weight"]} : f32[B, T, 4]
    output "" = %y
  }
  %a = apply "a" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 6])
  %f = fuse "sum" (%a, %gate) {by = true} : f32[B, T, 6]
  %n = op relu (%f) : f32[B, T, 6]
  %b = apply "b" (%n) {members = ["0", "1"], body = %c1} : bundle[2](f32[B, T, 4])
  %g = fuse "sum" (%b, %gate) {by = true} : f32[B, T, 4]
  output "y" = %g
}
# ---
core cancelled {training = false, chunks = [
    c("a", ["0", "1"]),
    c("b", ["0", "1"]),
  ], parameters = [
    p("a.0.w", f32[6, 4], uniform(0.5)),
    p("b.0.v", f32[4, 6], uniform(0.5)),
    p("a.1.w", f32[6, 4], uniform(0.5)),
    p("b.1.v", f32[4, 6], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 2]
  %p = op softmax (%s) {axis = -1} : f32[B, T, 2]
  %gate = select "gate" (%s, %p) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[B, T, 2], f32[B, T, 2])
  chunk %c0 "a" {
    %h = input "h" : f32[B, T, 4]
    %w = param "w" : f32[6, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
    output "" = %y
  }
  %a_0 = apply "a" (%x) {members = ["0"], body = %c0, single = true} : f32[B, T, 6]
  %a_1 = apply "a" (%x) {members = ["1"], body = %c0, single = true} : f32[B, T, 6]
  %6 = field "weight" (%gate) : f32[B, T, 2]
  %7 = op index (%6) {axis = -1, index = 0} : f32[B, T]
  %8 = op unsqueeze (%7) {axis = -1} : f32[B, T, 1]
  %9 = op mul (%a_0, %8) : f32[B, T, 6]
  %n = op relu (%9) : f32[B, T, 6]
  chunk %c1 "b" {
    %h = input "h" : f32[B, T, 6]
    %v = param "v" : f32[4, 6]
    %y = op linear (%h, %v) {slots = ["x", "weight"]} : f32[B, T, 4]
    output "" = %y
  }
  %b_0 = apply "b" (%n) {members = ["0"], body = %c1, single = true} : f32[B, T, 4]
  %12 = field "weight" (%gate) : f32[B, T, 2]
  %13 = op index (%12) {axis = -1, index = 1} : f32[B, T]
  %14 = op unsqueeze (%13) {axis = -1} : f32[B, T, 1]
  %15 = op mul (%a_1, %14) : f32[B, T, 6]
  %n.2 = op relu (%15) : f32[B, T, 6]
  %b_1 = apply "b" (%n.2) {members = ["1"], body = %c1, single = true} : f32[B, T, 4]
  %g = fuse "sum" (%b_0, %b_1, %gate) {by = true} : f32[B, T, 4]
  output "y" = %g
}
