# A router that reads parameters alone stays with its fuse; what it decides on is computed once.
core static {training = false, parameters = [
    p("s", f32[3], normal(1.0)),
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
    p("e.2.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = param "s" : f32[3]
  %score = op softmax (%s) {axis = -1} : f32[3]
  %gate = select "gate" (%score, %score) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[3], f32[3])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %1 = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %1
  }
  %e = apply "e" (%x) {members = ["0", "1", "2"], body = %c0} : bundle[3](f32[B, 4])
  %y = fuse "sum" (%e, %gate) {by = true} : f32[B, 4]
  output "y" = %y
}
# ---
core static {training = false, parameters = [
    p("s", f32[3], normal(1.0)),
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
    p("e.2.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %s = param "s" : f32[3]
    %score = op softmax (%s) {axis = -1} : f32[3]
    output "value" = %score
  }
  %score = hoisted {body = %c0} : f32[3]
  %gate = select "gate" (%score, %score) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[3], f32[3])
  chunk %c1 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %2 = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %2
  }
  %e = apply "e" (%x) {members = ["0", "1", "2"], body = %c1} : bundle[3](f32[B, 4])
  %y = fuse "sum" (%e, %gate) {by = true} : f32[B, 4]
  output "y" = %y
}
