# pass: choose-kernels(dims='B=1,T=2')
# Must not fire: in training, a stream that is computed and dropped could give a gradient that is not finite.
core training {training = true, parameters = [
    p("gate.weight", f32[2, 4], uniform(0.5)),
    p("expert.0.weight", f32[4, 4], uniform(0.5)),
    p("expert.1.weight", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %w = param "gate.weight" : f32[2, 4]
  %s = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 2]
  %p = op softmax (%s) {axis = -1} : f32[B, T, 2]
  %gate = select "gate" (%s, %p) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[B, T, 2], f32[B, T, 2])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 4]
    %v = param "weight" : f32[4, 4]
    %y = op linear (%h, %v) {slots = ["x", "weight"]} : f32[B, T, 4]
    output "" = %y
  }
  %e = apply "expert" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%e, %gate) {by = true} : f32[B, T, 4]
  output "y" = %y
}
# ---
core training {training = true, parameters = [
    p("gate.weight", f32[2, 4], uniform(0.5)),
    p("expert.0.weight", f32[4, 4], uniform(0.5)),
    p("expert.1.weight", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %w = param "gate.weight" : f32[2, 4]
  %s = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 2]
  %p = op softmax (%s) {axis = -1} : f32[B, T, 2]
  %gate = select "gate" (%s, %p) {kind = "router", slots = ["score", "weight"], rules = [top(1)]} : selection(bool[B, T, 2], f32[B, T, 2])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 4]
    %v = param "weight" : f32[4, 4]
    %y = op linear (%h, %v) {slots = ["x", "weight"]} : f32[B, T, 4]
    output "" = %y
  }
  %e = apply "expert" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%e, %gate) {by = true} : f32[B, T, 4]
  output "y" = %y
}
