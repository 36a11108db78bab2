# Does not fire: a score that sees the other samples; samples ranked together; one decision for the whole batch.
model m {
  input x: f32[B, 4]
  chunk part[2](h) { h |> linear(4) }
  router beside { score = (x - mean(x, B)) |> linear(2)  keep = top(1)  cache = exact(entries=8) }
  router ranked { score = x |> linear(2)  keep = top(50%, over=B)  cache = exact(entries=8) }
  router whole { score = x |> mean(B) |> linear(2)  keep = top(1)  cache = exact(entries=8) }
  fuse a = weighted_sum(part(x), by=beside)
  fuse b = weighted_sum(part(x), by=ranked)
  fuse c = weighted_sum(part(x), by=whole)
  output y = a + b + c
}
# ---
core m {training = false, chunks = [
    c("part", ["0", "1"]),
  ], parameters = [
    p("beside.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("beside.linear_1.bias", f32[2], uniform(0.5)),
    p("ranked.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("ranked.linear_1.bias", f32[2], uniform(0.5)),
    p("whole.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("whole.linear_1.bias", f32[2], uniform(0.5)),
    p("part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = op mean (%x) {axes = [-2], keepdims = false} : f32[4]
  %2 = op sub (%x, %1) : f32[B, 4]
  %3 = param "beside.linear_1.weight" : f32[2, 4]
  %4 = param "beside.linear_1.bias" : f32[2]
  %5 = op linear (%2, %3, %4) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %6 = op softmax (%5) {axis = -1} : f32[B, 2]
  %beside = select "beside" (%5, %6) {kind = "router", rules = [top(1)], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  %8 = param "ranked.linear_1.weight" : f32[2, 4]
  %9 = param "ranked.linear_1.bias" : f32[2]
  %10 = op linear (%x, %8, %9) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %11 = op softmax (%10) {axis = -1} : f32[B, 2]
  %ranked = select "ranked" (%10, %11) {kind = "router", rules = [top(share(0.5), over=[-2])], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  %13 = op mean (%x) {axes = [-2], keepdims = false} : f32[4]
  %14 = param "whole.linear_1.weight" : f32[2, 4]
  %15 = param "whole.linear_1.bias" : f32[2]
  %16 = op linear (%13, %14, %15) {slots = ["x", "weight", "bias"]} : f32[2]
  %17 = op softmax (%16) {axis = -1} : f32[2]
  %whole = select "whole" (%16, %17) {kind = "router", rules = [top(1)], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[2], f32[2])
  chunk %c0 "part" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %19 = apply "part" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%19, %beside) {by = true} : f32[B, 4]
  %21 = apply "part" (%x) {members = ["0", "1"], call = "part@2", body = %c0} : bundle[2](f32[B, 4])
  %y.2 = fuse "sum" (%21, %ranked) {by = true} : f32[B, 4]
  %23 = apply "part" (%x) {members = ["0", "1"], call = "part@3", body = %c0} : bundle[2](f32[B, 4])
  %y.3 = fuse "sum" (%23, %whole) {by = true} : f32[B, 4]
  %25 = op add (%y, %y.2) : f32[B, 4]
  %y.4 = op add (%25, %y.3) : f32[B, 4]
  output "y" = %y.4
}
