# Does not fire: members that mix positions, whose rows are no one's alone.
model mixes(d: int = 4) {
  input x: f32[B, T, d]
  chunk block[2](h) { h |> linear(d) |> softmax(axis=T) |> linear(d) }
  router gate {
    score = x |> mean(T) |> linear(2)
    keep  = top(1)
  }
  fuse y = weighted_sum(block(x), by=gate)
  output y
}
# ---
core mixes {training = false, chunks = [
    c("block", ["0", "1"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("block.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_1.bias", f32[4], uniform(0.5)),
    p("block.0.linear_2.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_2.bias", f32[4], uniform(0.5)),
    p("block.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_1.bias", f32[4], uniform(0.5)),
    p("block.1.linear_2.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_2.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %1 = op mean (%x) {axes = [-2], keepdims = false} : f32[B, 4]
  %2 = param "gate.linear_1.weight" : f32[2, 4]
  %3 = param "gate.linear_1.bias" : f32[2]
  %4 = op linear (%1, %2, %3) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %5 = op softmax (%4) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%4, %5) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "block" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    %4 = op softmax (%3) {axis = -2} : f32[B, T, 4]
    %5 = param "linear_2.weight" : f32[4, 4]
    %6 = param "linear_2.bias" : f32[4]
    %7 = op linear (%4, %5, %6) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %7
  }
  %7 = apply "block" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%7, %gate) {by = true} : f32[B, T, 4]
  output "y" = %y
}
