# What only one way needs is skipped with it: the way that calls `a` and then `b` goes by its first call, and holds both.
model cone(d: int = 4) {
  input x: f32[B, d]
  chunk a(h) { h |> linear(d) }
  chunk b(h) { h |> linear(d) |> relu }
  chunk c(h) { h |> linear(d) }
  router gate { score = x |> linear(2)  keep = top(1) }
  fuse y = weighted_sum([b(a(x)), c(x)], by=gate)
  memory { budget = 220B  prefetch = 1 }
  output y
}
# ---
core cone {training = false, memory = attrs(budget=["bytes", 220], prefetch=["ahead", 1]), chunks = [
    c("a", [""]),
    c("b", [""]),
    c("c", [""]),
  ], parameters = [
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("a.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("a.linear_1.bias", f32[4], uniform(0.5)),
    p("b.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("b.linear_1.bias", f32[4], uniform(0.5)),
    p("c.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("c.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "gate.linear_1.weight" : f32[2, 4]
  %2 = param "gate.linear_1.bias" : f32[2]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %4 = op softmax (%3) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "a" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %6 = apply "a" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  chunk %c1 "b" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %7 = apply "b" (%6) {members = [""], body = %c1, single = true} : f32[B, 4]
  chunk %c2 "c" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %8 = apply "c" (%x) {members = [""], body = %c2, single = true} : f32[B, 4]
  %y = fuse "sum" (%7, %8, %gate) {by = true} : f32[B, 4]
  plan {
    acquire "a"  acquire "b"  run "a"  release "a"  release "b"
    evict "a"  acquire "c"  run "c"  release "c"
  }
  output "y" = %y
}
