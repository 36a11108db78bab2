# pass: choose-kernels(dims='B=1,T=2')
# Two tokens and two experts of four numbers: finding, gathering and adding up takes longer than computing both.
model small(d: int = 4) {
  input x: f32[B, T, d]
  chunk expert[2](h) { h |> linear(d) }
  router gate { score = x |> linear(2)  keep = top(1) }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
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
  %x = input "x" : f32[B, T, 4]
  %1 = param "gate.linear_1.weight" : f32[2, 4]
  %2 = param "gate.linear_1.bias" : f32[2]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
  %4 = op softmax (%3) {axis = -1} : f32[B, T, 2]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, T, 2], f32[B, T, 2])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %3
  }
  %6 = apply "expert" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%6, %gate) {by = true, kernel = "dense"} : f32[B, T, 4]
  output "y" = %y
}
