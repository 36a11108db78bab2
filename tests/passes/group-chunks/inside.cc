# In the body of a chunk, too; the outer array has a router inside, and is no straight line.
model nested(d: int = 4) {
  input x: f32[B, d]
  chunk layer[2](h) {
    chunk expert[2](g) { g |> linear(d) |> relu }
    router gate {
      score = linear(h, 2)
      keep  = top(1)
    }
    fuse out = weighted_sum(expert(h), by=gate)
    output out
  }
  router which {
    score = linear(x, 2)
    keep  = top(1)
  }
  fuse y = weighted_sum(layer(x), by=which)
  output y
}
# ---
core nested {training = false, chunks = [
    c("layer", ["0", "1"]),
    c("layer.0.expert", ["0", "1"]),
    c("layer.1.expert", ["0", "1"]),
  ], parameters = [
    p("which.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("which.linear_1.bias", f32[2], uniform(0.5)),
    p("layer.0.gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("layer.0.gate.linear_1.bias", f32[2], uniform(0.5)),
    p("layer.0.expert.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.0.expert.0.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.0.expert.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.0.expert.1.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.1.gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("layer.1.gate.linear_1.bias", f32[2], uniform(0.5)),
    p("layer.1.expert.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.1.expert.0.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.1.expert.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.1.expert.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "which.linear_1.weight" : f32[2, 4]
  %2 = param "which.linear_1.bias" : f32[2]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %4 = op softmax (%3) {axis = -1} : f32[B, 2]
  %which = select "which" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "expert" {
    %g = input "g" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%g, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  chunk %c1 "layer" {
    %h = input "h" : f32[B, 4]
    %1 = param "gate.linear_1.weight" : f32[2, 4]
    %2 = param "gate.linear_1.bias" : f32[2]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 2]
    %4 = op softmax (%3) {axis = -1} : f32[B, 2]
    %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
    %6 = grouped "expert" (%h) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
    %y = fuse "sum" (%6, %gate) {by = true} : f32[B, 4]
    output "out" = %y
  }
  %6 = apply "layer" (%x) {members = ["0", "1"], body = %c1} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%6, %which) {by = true} : f32[B, 4]
  output "y" = %y
}
