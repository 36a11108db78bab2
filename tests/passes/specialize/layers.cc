# pass: specialize(profile='tests/passes/specialize/layers.json')
# One body for both layers before; the profile tells them apart.
model layers(d: int = 8) {
  input x: f32[B, T, d]
  chunk layer[2](h) {
    chunk own[2](g) { g |> linear(d) }
    router gate {
      score = h |> linear(2)
      keep  = top(1)
    }
    fuse z = weighted_sum(own(h), by=gate)
    output z
  }
  output y = x |> layer[0] |> layer[1]
}
# ---
core layers {training = false, chunks = [
    c("layer", ["0", "1"]),
    c("layer.0.own", ["0", "1"]),
    c("layer.1.own", ["0", "1"]),
  ], parameters = [
    p("layer.0.gate.linear_1.weight", f32[2, 8], uniform(0.35355339059327373)),
    p("layer.0.gate.linear_1.bias", f32[2], uniform(0.35355339059327373)),
    p("layer.0.own.0.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("layer.0.own.0.linear_1.bias", f32[8], uniform(0.35355339059327373)),
    p("layer.0.own.1.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("layer.0.own.1.linear_1.bias", f32[8], uniform(0.35355339059327373)),
    p("layer.1.gate.linear_1.weight", f32[2, 8], uniform(0.35355339059327373)),
    p("layer.1.gate.linear_1.bias", f32[2], uniform(0.35355339059327373)),
    p("layer.1.own.0.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("layer.1.own.0.linear_1.bias", f32[8], uniform(0.35355339059327373)),
    p("layer.1.own.1.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("layer.1.own.1.linear_1.bias", f32[8], uniform(0.35355339059327373)),
  ]} {
  %x = input "x" : f32[B, T, 8]
  chunk %c0 "own" {
    %g = input "g" : f32[B, T, 8]
    %1 = param "linear_1.weight" : f32[8, 8]
    %2 = param "linear_1.bias" : f32[8]
    %3 = op linear (%g, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
    output "" = %3
  }
  chunk %c1 "layer" {
    %h = input "h" : f32[B, T, 8]
    %1 = param "gate.linear_1.weight" : f32[2, 8]
    %2 = param "gate.linear_1.bias" : f32[2]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
    %4 = op softmax (%3) {axis = -1} : f32[B, T, 2]
    %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, T, 2], f32[B, T, 2])
    %6 = apply "own" (%h) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 8])
    %y = fuse "sum" (%6, %gate) {by = true, cold = [1], hot = [0], capacity = 1.0} : f32[B, T, 8]
    output "z" = %y
  }
  %1 = apply "layer" (%x) {members = ["0"], body = %c1, single = true} : f32[B, T, 8]
  chunk %c2 "own" {
    %g = input "g" : f32[B, T, 8]
    %1 = param "linear_1.weight" : f32[8, 8]
    %2 = param "linear_1.bias" : f32[8]
    %3 = op linear (%g, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
    output "" = %3
  }
  chunk %c3 "layer" {
    %h = input "h" : f32[B, T, 8]
    %1 = param "gate.linear_1.weight" : f32[2, 8]
    %2 = param "gate.linear_1.bias" : f32[2]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
    %4 = op softmax (%3) {axis = -1} : f32[B, T, 2]
    %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, T, 2], f32[B, T, 2])
    %6 = apply "own" (%h) {members = ["0", "1"], body = %c2} : bundle[2](f32[B, T, 8])
    %y = fuse "sum" (%6, %gate) {by = true, hot = [0, 1], capacity = 1.0} : f32[B, T, 8]
    output "z" = %y
  }
  %y = apply "layer" (%1) {members = ["1"], body = %c3, single = true} : f32[B, T, 8]
  output "y" = %y
}
