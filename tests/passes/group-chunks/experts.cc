# A mixture of experts: each product is made once for the rows of all experts.
model moe(d: int = 4) {
  input x: f32[B, T, d]
  chunk expert[3](h) { h |> linear(8) |> gelu |> linear(d) }
  router gate {
    score = linear(x, 3)
    keep  = top(2)
  }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
# ---
core moe {training = false, chunks = [
    c("expert", ["0", "1", "2"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[3, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[3], uniform(0.5)),
    p("expert.0.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("expert.0.linear_1.bias", f32[8], uniform(0.5)),
    p("expert.0.linear_2.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("expert.0.linear_2.bias", f32[4], uniform(0.35355339059327373)),
    p("expert.1.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("expert.1.linear_1.bias", f32[8], uniform(0.5)),
    p("expert.1.linear_2.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("expert.1.linear_2.bias", f32[4], uniform(0.35355339059327373)),
    p("expert.2.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("expert.2.linear_1.bias", f32[8], uniform(0.5)),
    p("expert.2.linear_2.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("expert.2.linear_2.bias", f32[4], uniform(0.35355339059327373)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %1 = param "gate.linear_1.weight" : f32[3, 4]
  %2 = param "gate.linear_1.bias" : f32[3]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 3]
  %4 = op softmax (%3) {axis = -1} : f32[B, T, 3]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(2)], slots = ["score", "weight"]} : selection(bool[B, T, 3], f32[B, T, 3])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[8, 4]
    %2 = param "linear_1.bias" : f32[8]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
    %4 = op gelu (%3) : f32[B, T, 8]
    %5 = param "linear_2.weight" : f32[4, 8]
    %6 = param "linear_2.bias" : f32[4]
    %7 = op linear (%4, %5, %6) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %7
  }
  %6 = grouped "expert" (%x) {members = ["0", "1", "2"], body = %c0} : bundle[3](f32[B, T, 4])
  %y = fuse "sum" (%6, %gate) {by = true} : f32[B, T, 4]
  output "y" = %y
}
