# SwiGLU experts with a norm and a scale of their own, named, and a weight of the frame around them that all share.
model gated(d: int = 4) {
  input x: f32[B, d]
  param shared: f32[d, d]
  chunk expert[left, right](h) {
    param scale: f32[d]
    n = rms_norm(h)
    up = silu(linear(n, 8)) * linear(n, 8)
    output out = linear(linear(up, d) * scale, shared)
  }
  router gate {
    score = linear(x, 2)
    keep  = top(1)
  }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
# ---
core gated {training = false, chunks = [
    c("expert", ["left", "right"]),
  ], parameters = [
    p("shared", f32[4, 4], uniform(0.5)),
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("expert.left.scale", f32[4], uniform(0.5)),
    p("expert.left.n.rms_norm_1.weight", f32[4], constant(1.0)),
    p("expert.left.up.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("expert.left.up.linear_1.bias", f32[8], uniform(0.5)),
    p("expert.left.up.linear_2.weight", f32[8, 4], uniform(0.5)),
    p("expert.left.up.linear_2.bias", f32[8], uniform(0.5)),
    p("expert.left.out.linear_1.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("expert.left.out.linear_1.bias", f32[4], uniform(0.35355339059327373)),
    p("expert.right.scale", f32[4], uniform(0.5)),
    p("expert.right.n.rms_norm_1.weight", f32[4], constant(1.0)),
    p("expert.right.up.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("expert.right.up.linear_1.bias", f32[8], uniform(0.5)),
    p("expert.right.up.linear_2.weight", f32[8, 4], uniform(0.5)),
    p("expert.right.up.linear_2.bias", f32[8], uniform(0.5)),
    p("expert.right.out.linear_1.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("expert.right.out.linear_1.bias", f32[4], uniform(0.35355339059327373)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "gate.linear_1.weight" : f32[2, 4]
  %2 = param "gate.linear_1.bias" : f32[2]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %4 = op softmax (%3) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, 4]
    %1 = param "scale" : f32[4]
    %2 = param "n.rms_norm_1.weight" : f32[4]
    %n = op rms_norm (%h, %2) {eps = 1e-06, slots = ["x", "weight"]} : f32[B, 4]
    %4 = param "up.linear_1.weight" : f32[8, 4]
    %5 = param "up.linear_1.bias" : f32[8]
    %6 = op linear (%n, %4, %5) {slots = ["x", "weight", "bias"]} : f32[B, 8]
    %7 = op silu (%6) : f32[B, 8]
    %8 = param "up.linear_2.weight" : f32[8, 4]
    %9 = param "up.linear_2.bias" : f32[8]
    %10 = op linear (%n, %8, %9) {slots = ["x", "weight", "bias"]} : f32[B, 8]
    %up = op mul (%7, %10) : f32[B, 8]
    %12 = param "shared" {up = 1} : f32[4, 4]
    %13 = param "out.linear_1.weight" : f32[4, 8]
    %14 = param "out.linear_1.bias" : f32[4]
    %15 = op linear (%up, %13, %14) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %16 = op mul (%15, %1) : f32[B, 4]
    %out = op linear (%16, %12) {slots = ["x", "weight"]} : f32[B, 4]
    output "out" = %out
  }
  %6 = grouped "expert" (%x) {members = ["left", "right"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%6, %gate) {by = true} : f32[B, 4]
  output "y" = %y
}
