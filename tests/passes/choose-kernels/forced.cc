# pass: choose-kernels(force=gather)
# A stream that another output reads is computed everywhere all the same; a routed body has selections of its own.
model forced(d: int = 4) {
  input x: f32[B, T, d]
  param w: f32[8, d]
  chunk expert[2](h) {
    router inner { score = h |> linear(2)  weight = sigmoid  keep = above(0.5) }
    chunk part[2](h) { h |> linear(d) }
    output y = sum(part(h), by=inner)
  }
  router gate { score = x |> linear(2)  keep = top(1) }
  mask live { score = x |> linear(8)  grain = neuron  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  router other { score = x |> linear(2)  keep = top(1) }
  a = x |> relu
  b = x |> tanh
  fuse z = sum([a, b], by=other)
  output y
  output z
  output seen = a + b
  output m = x |> linear(w, mask=live)
}
# ---
core forced {training = false, chunks = [
    c("expert", ["0", "1"]),
    c("expert.0.part", ["0", "1"]),
    c("expert.1.part", ["0", "1"]),
  ], parameters = [
    p("w", f32[8, 4], uniform(0.5)),
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("live.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("live.linear_1.bias", f32[8], uniform(0.5)),
    p("other.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("other.linear_1.bias", f32[2], uniform(0.5)),
    p("expert.0.inner.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("expert.0.inner.linear_1.bias", f32[2], uniform(0.5)),
    p("expert.0.part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.0.part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.0.part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.0.part.1.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.1.inner.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("expert.1.inner.linear_1.bias", f32[2], uniform(0.5)),
    p("expert.1.part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.1.part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.1.part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.1.part.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %1 = param "w" : f32[8, 4]
  %2 = param "gate.linear_1.weight" : f32[2, 4]
  %3 = param "gate.linear_1.bias" : f32[2]
  %4 = op linear (%x, %2, %3) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
  %5 = op softmax (%4) {axis = -1} : f32[B, T, 2]
  %gate = select "gate" (%4, %5) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, T, 2], f32[B, T, 2])
  %7 = param "live.linear_1.weight" : f32[8, 4]
  %8 = param "live.linear_1.bias" : f32[8]
  %9 = op linear (%x, %7, %8) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
  %live = select "live" (%9, %9) {kind = "mask", grain = "neuron", rules = [top(2)], slots = ["score", "weight"], kernel = "gather"} : selection(bool[B, T, 8], f32[B, T, 8])
  chunk %c0 "part" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %3
  }
  chunk %c1 "expert" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "inner.linear_1.weight" : f32[2, 4]
    %2 = param "inner.linear_1.bias" : f32[2]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
    %4 = op sigmoid (%3) : f32[B, T, 2]
    %inner = select "inner" (%3, %4) {kind = "router", rules = [above(0.5, of="weight")], slots = ["score", "weight"]} : selection(bool[B, T, 2], f32[B, T, 2])
    %6 = apply "part" (%h) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 4])
    %y = fuse "sum" (%6, %inner) {by = true, kernel = "gather"} : f32[B, T, 4]
    output "y" = %y
  }
  %11 = apply "expert" (%x) {members = ["0", "1"], body = %c1} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%11, %gate) {by = true, kernel = "gather"} : f32[B, T, 4]
  %13 = param "other.linear_1.weight" : f32[2, 4]
  %14 = param "other.linear_1.bias" : f32[2]
  %15 = op linear (%x, %13, %14) {slots = ["x", "weight", "bias"]} : f32[B, T, 2]
  %16 = op softmax (%15) {axis = -1} : f32[B, T, 2]
  %other = select "other" (%15, %16) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, T, 2], f32[B, T, 2])
  %a = op relu (%x) : f32[B, T, 4]
  %b = op tanh (%x) : f32[B, T, 4]
  %z = fuse "sum" (%a, %b, %other) {by = true} : f32[B, T, 4]
  %seen = op add (%a, %b) : f32[B, T, 4]
  %22 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, T, 8]
  %23 = field "kept" (%live) : bool[B, T, 8]
  %m = op masked (%22, %23) {slots = ["x", "kept"]} : f32[B, T, 8]
  output "y" = %y
  output "z" = %z
  output "seen" = %seen
  output "m" = %m
}
