# Nothing fires: what keeps all still weighs, a fallback may keep what a rule drops, a straight-through gate reads absent streams,
# and a body with a loss is called for its loss.
core kept {training = true, parameters = [
    p("e.0.w", f32[4], uniform(0.5)),
    p("e.1.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %all = select "all" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [all]} : selection(bool[B, 2], f32[B, 2])
  %back = select "back" (%s, %w, %w) {kind = "router", slots = ["score", "weight", "coverage"], rules = [first(1)], fallback = ["all", 0.5]} : selection(bool[B, 2], f32[B, 2])
  %soft = select "soft" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [above(1.0, of="weight")], train = "straight_through"} : selection(bool[B, 2], f32[B, 2])
  %first = select "first" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [first(1)]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    %l = op mean (%y) {axes = [-2, -1], keepdims = false} : f32[]
    output "" = %y
    loss "l" = %l
  }
  %a = fuse "sum" (%x, %x, %all) {by = true} : f32[B, 4]
  %b = fuse "sum" (%x, %a, %back) {by = true} : f32[B, 4]
  %c = fuse "sum" (%a, %b, %soft) {by = true} : f32[B, 4]
  %e = apply "e" (%c) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%e, %first) {by = true} : f32[B, 4]
  output "y" = %y
}
# ---
core kept {training = true, parameters = [
    p("e.0.w", f32[4], uniform(0.5)),
    p("e.1.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %w = op softmax (%s) {axis = -1} : f32[B, 2]
  %all = select "all" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [all]} : selection(bool[B, 2], f32[B, 2])
  %back = select "back" (%s, %w, %w) {kind = "router", slots = ["score", "weight", "coverage"], rules = [first(1)], fallback = ["all", 0.5]} : selection(bool[B, 2], f32[B, 2])
  %soft = select "soft" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [above(1.0, of="weight")], train = "straight_through"} : selection(bool[B, 2], f32[B, 2])
  %first = select "first" (%s, %w) {kind = "router", slots = ["score", "weight"], rules = [first(1)]} : selection(bool[B, 2], f32[B, 2])
  %a = fuse "sum" (%x, %x, %all) {by = true} : f32[B, 4]
  %b = fuse "sum" (%x, %a, %back) {by = true} : f32[B, 4]
  %c = fuse "sum" (%a, %b, %soft) {by = true} : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    %l = op mean (%y) {axes = [-2, -1], keepdims = false} : f32[]
    output "" = %y
    loss "l" = %l
  }
  %e = apply "e" (%c) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%e, %first) {by = true} : f32[B, 4]
  output "y" = %y
}
