# Does not fire: later scores are only computed where earlier ways failed.
model m {
  input x: f32[B, 4]
  chunk stage[2](h) { h |> linear(4) }
  chunk sure[2](h) { h |> linear(1) }
  a = stage[0](x)
  b = stage[1](a)
  router done {
    score    = stack([sure[0](a) |> squeeze(-1), sure[1](b) |> squeeze(-1)])
    weight   = 1
    keep     = above(0.9, of=score) |> first(1)
    fallback = last when none
    cache    = exact(entries=8)
  }
  fuse y = sum([a, b], by=done)
  output y
}
# ---
core m {training = false, chunks = [
    c("stage", ["0", "1"]),
    c("sure", ["0", "1"]),
  ], parameters = [
    p("stage.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("stage.0.linear_1.bias", f32[4], uniform(0.5)),
    p("stage.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("stage.1.linear_1.bias", f32[4], uniform(0.5)),
    p("sure.0.linear_1.weight", f32[1, 4], uniform(0.5)),
    p("sure.0.linear_1.bias", f32[1], uniform(0.5)),
    p("sure.1.linear_1.weight", f32[1, 4], uniform(0.5)),
    p("sure.1.linear_1.bias", f32[1], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "stage" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %a = apply "stage" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  %b = apply "stage" (%a) {members = ["1"], body = %c0, single = true} : f32[B, 4]
  chunk %c1 "sure" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[1, 4]
    %2 = param "linear_1.bias" : f32[1]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 1]
    output "" = %3
  }
  %3 = apply "sure" (%a) {members = ["0"], body = %c1, single = true} : f32[B, 1]
  %4 = op squeeze (%3) {axis = -1} : f32[B]
  %5 = apply "sure" (%b) {members = ["1"], body = %c1, single = true} : f32[B, 1]
  %6 = op squeeze (%5) {axis = -1} : f32[B]
  %7 = op stack (%4, %6) {axis = -1} : f32[B, 2]
  %8 = const {value = 1.0} : f32[]
  %9 = op broadcast (%8) {shape = [B, 2]} : f32[B, 2]
  %done = select "done" (%7, %9) {kind = "router", rules = [above(0.9), first(1)], fallback = ["last"], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  %y = fuse "sum" (%a, %b, %done) {by = true} : f32[B, 4]
  output "y" = %y
}
