# The gate has decided before the first expert runs, so a look ahead may load the next: if it is kept at all.
model routed(d: int = 4) {
  input x: f32[B, d]
  chunk expert[4](h) { h |> linear(d) }
  router gate { score = x |> linear(4)  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  memory { budget = 75%  prefetch = 1 }
  output y
}
# ---
core routed {training = false, memory = attrs(budget=["share", 0.75], prefetch=["ahead", 1]), chunks = [
    c("expert", ["0", "1", "2", "3"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.0.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.1.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.2.linear_1.bias", f32[4], uniform(0.5)),
    p("expert.3.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("expert.3.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "gate.linear_1.weight" : f32[4, 4]
  %2 = param "gate.linear_1.bias" : f32[4]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
  %4 = op softmax (%3) {axis = -1} : f32[B, 4]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(2)], slots = ["score", "weight"]} : selection(bool[B, 4], f32[B, 4])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %6 = apply "expert" (%x) {members = ["0", "1", "2", "3"], body = %c0} : bundle[4](f32[B, 4])
  %y = fuse "sum" (%6, %gate) {by = true} : f32[B, 4]
  plan {
    acquire "expert.0"  prefetch "expert.1"  run "expert.0"  release "expert.0"
    acquire "expert.1"  evict "expert.0"  prefetch "expert.2"  run "expert.1"  release "expert.1"
    acquire "expert.2"  evict "expert.1"  prefetch "expert.3"  run "expert.2"  release "expert.2"
    acquire "expert.3"  run "expert.3"  release "expert.3"
  }
  output "y" = %y
}
