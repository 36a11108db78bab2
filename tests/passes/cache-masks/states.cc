# What calls change is read in every call: the bias that balances stays outside, the score above it is remembered.
model m {
  input x: f32[B, T, 4]
  state bias: f32[2] = 0
  chunk part[2](h) { h |> linear(4) }
  router gate {
    score = x |> linear(2)
    keep  = top(1, of=sigmoid(score) + bias)
    cache = exact(entries=8)
  }
  next bias = bias + sign(mean(gate.load) - gate.load)
  fuse y = weighted_sum(part(x), by=gate)
  output y
}
# ---
core m {training = false, chunks = [
    c("part", ["0", "1"]),
  ], parameters = [
    p("bias", f32[2], constant(0.0), "state"),
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %1 = state "bias" : f32[2]
  chunk %c0 "" {
    %x = input "x" : f32[B, T, 4]
    %1 = param "gate.linear_1.weight" : f32[2, 4]
    %2 = param "gate.linear_1.bias" : f32[2]
    %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
    output "score" = %3
  }
  %2 = cached (%x) {body = %c0, path = "gate", entries = 8, rows = 2, keys = [true]} : f32[B, T, 2]
  %3 = op softmax (%2) {axis = -1} : f32[B, T, 2]
  %4 = op sigmoid (%2) : f32[B, T, 2]
  %5 = op add (%4, %1) : f32[B, T, 2]
  %gate = select "gate" (%2, %3, %5) {kind = "router", rules = [top(1, of="of.0")], cache = ["exact", 8], slots = ["score", "weight", "of.0"]} : selection(bool[B, T, 2], f32[B, T, 2])
  %7 = field "load" (%gate) : f32[2]
  %8 = op mean (%7) {axes = [-1], keepdims = false} : f32[]
  %9 = field "load" (%gate) : f32[2]
  %10 = op sub (%8, %9) : f32[2]
  %11 = op sign (%10) : f32[2]
  %12 = op add (%1, %11) : f32[2]
  chunk %c1 "part" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %3
  }
  %13 = apply "part" (%x) {members = ["0", "1"], body = %c1} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%13, %gate) {by = true} : f32[B, T, 4]
  output "y" = %y
  next "bias" = %12
}
