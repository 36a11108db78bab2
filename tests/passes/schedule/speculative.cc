# Whether block 1 runs is decided on what block 0 gave; the spec asks to guess that it does.
model speculative(d: int = 4) {
  input x: f32[B, d]
  chunk block[2](h) { h |> linear(d) }
  h = x
  for i in 0..2 {
    router live[i] { score = h |> linear(1)  weight = sigmoid  keep = above(0.3) }
    fuse h = residual(h, block[i](h), by=live[i])
  }
  memory { budget = 1KiB  prefetch = speculative(2) }
  output h
}
# ---
core speculative {training = false, memory = attrs(budget=["bytes", 1024], prefetch=["speculative", 2]), chunks = [
    c("block", ["0", "1"]),
  ], parameters = [
    p("live.0.linear_1.weight", f32[1, 4], uniform(0.5)),
    p("live.0.linear_1.bias", f32[1], uniform(0.5)),
    p("live.1.linear_1.weight", f32[1, 4], uniform(0.5)),
    p("live.1.linear_1.bias", f32[1], uniform(0.5)),
    p("block.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_1.bias", f32[4], uniform(0.5)),
    p("block.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "live.0.linear_1.weight" : f32[1, 4]
  %2 = param "live.0.linear_1.bias" : f32[1]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 1]
  %4 = op sigmoid (%3) : f32[B, 1]
  %live = select "live.0" (%3, %4) {kind = "router", rules = [above(0.3, of="weight")], slots = ["score", "weight"]} : selection(bool[B, 1], f32[B, 1])
  chunk %c0 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %6 = apply "block" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  %7 = fuse "sum" (%6, %live) {by = true} : f32[B, 4]
  %y = op add (%x, %7) : f32[B, 4]
  %9 = param "live.1.linear_1.weight" : f32[1, 4]
  %10 = param "live.1.linear_1.bias" : f32[1]
  %11 = op linear (%y, %9, %10) {slots = ["x", "weight", "bias"]} : f32[B, 1]
  %12 = op sigmoid (%11) : f32[B, 1]
  %live.2 = select "live.1" (%11, %12) {kind = "router", rules = [above(0.3, of="weight")], slots = ["score", "weight"]} : selection(bool[B, 1], f32[B, 1])
  %14 = apply "block" (%y) {members = ["1"], body = %c0, single = true} : f32[B, 4]
  %15 = fuse "sum" (%14, %live.2) {by = true} : f32[B, 4]
  %y.2 = op add (%y, %15) : f32[B, 4]
  plan {
    acquire "block.0"  prefetch "block.1"  run "block.0"  release "block.0"
    acquire "block.1"  run "block.1"  release "block.1"
  }
  output "h" = %y.2
}
