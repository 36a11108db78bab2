# pass: specialize(profile='tests/passes/specialize/mixture.json')
# Ways 1 and 3 were never kept: they are cold.
model mixture(d: int = 8) {
  input x: f32[B, T, d]
  chunk expert[4](h) { h |> linear(d) }
  router gate {
    score = x |> linear(4)
    keep  = top(1)
  }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
# ---
core mixture {training = false, chunks = [
    c("expert", ["0", "1", "2", "3"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("gate.linear_1.bias", f32[4], uniform(0.35355339059327373)),
    p("expert.0.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("expert.0.linear_1.bias", f32[8], uniform(0.35355339059327373)),
    p("expert.1.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("expert.1.linear_1.bias", f32[8], uniform(0.35355339059327373)),
    p("expert.2.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("expert.2.linear_1.bias", f32[8], uniform(0.35355339059327373)),
    p("expert.3.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("expert.3.linear_1.bias", f32[8], uniform(0.35355339059327373)),
  ]} {
  %x = input "x" : f32[B, T, 8]
  %1 = param "gate.linear_1.weight" : f32[4, 8]
  %2 = param "gate.linear_1.bias" : f32[4]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
  %4 = op softmax (%3) {axis = -1} : f32[B, T, 4]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, T, 4], f32[B, T, 4])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 8]
    %1 = param "linear_1.weight" : f32[8, 8]
    %2 = param "linear_1.bias" : f32[8]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
    output "" = %3
  }
  %6 = apply "expert" (%x) {members = ["0", "1", "2", "3"], body = %c0} : bundle[4](f32[B, T, 8])
  %y = fuse "sum" (%6, %gate) {by = true, cold = [1, 3], hot = [2, 0], capacity = 0.875} : f32[B, T, 8]
  output "y" = %y
}
