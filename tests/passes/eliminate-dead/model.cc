# The second way never comes first: its expert is not called, and its parameters stay in the table.
model small(d: int = 4) {
  input x: f32[B, d]
  chunk expert[2](h) { h |> linear(d) |> relu }
  router gate { score = x |> linear(2)  keep = first(1) }
  output y = weighted_sum(expert(x), by=gate)
}
# ---
core small {training = false, chunks = [
    c("expert", ["0", "1"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("expert.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.0.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "gate.linear_1.weight" : f32[2, 4]
  %2 = param "gate.linear_1.bias" : f32[2]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %4 = op softmax (%3) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [first(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %6 = apply "expert" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  %7 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %y = fuse "sum" (%6, %7, %gate) {by = true} : f32[B, 4]
  output "y" = %y
}
