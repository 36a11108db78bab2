# An exit asks one stage after the other, so each is held for itself. Whether the next is asked is not known ahead: no look ahead.
model rungs(d: int = 4, layers: int = 3) {
  input x: f32[B, d]
  chunk stage[layers](h) { h |> linear(d) |> relu }
  h = x
  for i in 0..layers {
    h = stage[i](h)
    sure[i] = h |> max
    answer[i] = h
  }
  router exit {
    score    = stack(sure)
    weight   = 1
    keep     = above(0.9, of=score) |> first(1)
    fallback = last when none
  }
  fuse y = weighted_sum(answer, by=exit)
  memory { budget = 70%  prefetch = 2 }
  output y
}
# ---
core rungs {training = false, memory = attrs(budget=["share", 0.7], prefetch=["ahead", 2]), chunks = [
    c("stage", ["0", "1", "2"]),
  ], parameters = [
    p("stage.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("stage.0.linear_1.bias", f32[4], uniform(0.5)),
    p("stage.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("stage.1.linear_1.bias", f32[4], uniform(0.5)),
    p("stage.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("stage.2.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "stage" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %h = apply "stage" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  %2 = op max (%h) {axes = [-1], keepdims = false} : f32[B]
  chunk %c1 "stage" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %h.2 = apply "stage" (%h) {members = ["1"], body = %c1, single = true} : f32[B, 4]
  %4 = op max (%h.2) {axes = [-1], keepdims = false} : f32[B]
  %h.3 = apply "stage" (%h.2) {members = ["2"], body = %c1, single = true} : f32[B, 4]
  %6 = op max (%h.3) {axes = [-1], keepdims = false} : f32[B]
  %7 = op stack (%2, %4, %6) {axis = -1} : f32[B, 3]
  %8 = const {value = 1.0} : f32[]
  %9 = op broadcast (%8) {shape = [B, 3]} : f32[B, 3]
  %exit = select "exit" (%7, %9) {kind = "router", rules = [above(0.9), first(1)], fallback = ["last"], slots = ["score", "weight"]} : selection(bool[B, 3], f32[B, 3])
  %y = fuse "sum" (%h, %h.2, %h.3, %exit) {by = true} : f32[B, 4]
  plan {
    acquire "stage.0"  run "stage.0"  release "stage.0"
    acquire "stage.1"  run "stage.1"  release "stage.1"
    evict "stage.0"  acquire "stage.2"  run "stage.2"  release "stage.2"
  }
  output "y" = %y
}
