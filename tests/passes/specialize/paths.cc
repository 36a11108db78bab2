# pass: specialize(profile='tests/passes/specialize/skip.json', share=0.15)
# Whole calls skip the block most often; with share = 0.15 both sets are laid out.
model skip(d: int = 8) {
  input x: f32[B, T, d]
  chunk block(h) { h |> linear(d) |> relu }
  router gate {
    score  = x |> mean(T) |> linear(2)
    weight = 1
    keep   = top(1)
  }
  fuse y = weighted_sum([block(x), x], by=gate)
  output y
}
# ---
core skip {training = false, chunks = [
    c("block", [""]),
  ], parameters = [
    p("gate.linear_1.weight", f32[2, 8], uniform(0.35355339059327373)),
    p("gate.linear_1.bias", f32[2], uniform(0.35355339059327373)),
    p("block.linear_1.weight", f32[8, 8], uniform(0.35355339059327373)),
    p("block.linear_1.bias", f32[8], uniform(0.35355339059327373)),
  ]} {
  %x = input "x" : f32[B, T, 8]
  %1 = op mean (%x) {axes = [-2], keepdims = false} : f32[B, 8]
  %2 = param "gate.linear_1.weight" : f32[2, 8]
  %3 = param "gate.linear_1.bias" : f32[2]
  %4 = op linear (%1, %2, %3) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %5 = const {value = 1.0} : f32[]
  %6 = op broadcast (%5) {shape = [B, 2]} : f32[B, 2]
  %gate = select "gate" (%4, %6) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "block" {
    %h = input "h" : f32[B, T, 8]
    %1 = param "linear_1.weight" : f32[8, 8]
    %2 = param "linear_1.bias" : f32[8]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
    %4 = op relu (%3) : f32[B, T, 8]
    output "" = %4
  }
  %8 = apply "block" (%x) {members = [""], body = %c0, single = true} : f32[B, T, 8]
  %y = fuse "sum" (%8, %x, %gate) {by = true, hot = [1, 0], paths = [[1], [0]], capacity = 1.0} : f32[B, T, 8]
  output "y" = %y
}
