# Three layers that one router skips together, with residuals between them: the kept rows go through all three, and come back once.
model together(d: int = 4, layers: int = 3) {
  input x: f32[B, T, d]
  chunk block[layers](h) { h |> layer_norm |> linear(d) }
  router live {
    score  = x |> linear(1)
    weight = sigmoid
    keep   = above(0.5)
  }
  h = x
  for i in 0..layers { fuse h = residual(h, block[i](h), by=live) }
  output h
}
# ---
core together {training = false, chunks = [
    c("block", ["0", "1", "2"]),
  ], parameters = [
    p("live.linear_1.weight", f32[1, 4], uniform(0.5)),
    p("live.linear_1.bias", f32[1], uniform(0.5)),
    p("block.0.layer_norm_1.weight", f32[4], constant(1.0)),
    p("block.0.layer_norm_1.bias", f32[4], constant(0.0)),
    p("block.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_1.bias", f32[4], uniform(0.5)),
    p("block.1.layer_norm_1.weight", f32[4], constant(1.0)),
    p("block.1.layer_norm_1.bias", f32[4], constant(0.0)),
    p("block.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_1.bias", f32[4], uniform(0.5)),
    p("block.2.layer_norm_1.weight", f32[4], constant(1.0)),
    p("block.2.layer_norm_1.bias", f32[4], constant(0.0)),
    p("block.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.2.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %1 = param "live.linear_1.weight" : f32[1, 4]
  %2 = param "live.linear_1.bias" : f32[1]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 1]
  %4 = op sigmoid (%3) : f32[B, T, 1]
  %live = select "live" (%3, %4) {kind = "router", rules = [above(0.5, of="weight")], slots = ["score", "weight"]} : selection(bool[B, T, 1], f32[B, T, 1])
  chunk %c0 "block" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "layer_norm_1.weight" : f32[4]
    %2 = param "layer_norm_1.bias" : f32[4]
    %3 = op layer_norm (%h, %1, %2) {eps = 1e-05, slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    %4 = param "linear_1.weight" : f32[4, 4]
    %5 = param "linear_1.bias" : f32[4]
    %6 = op linear (%3, %4, %5) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %6
  }
  %6 = apply "block" (%x) {members = ["0"], body = %c0, single = true} : f32[B, T, 4]
  %7 = field "weight" (%live) : f32[B, T, 1]
  %8 = op index (%7) {axis = -1, index = 0} : f32[B, T]
  %9 = op unsqueeze (%8) {axis = -1} : f32[B, T, 1]
  %10 = op mul (%6, %9) : f32[B, T, 4]
  %y = op add (%x, %10) : f32[B, T, 4]
  %12 = apply "block" (%y) {members = ["1"], body = %c0, single = true} : f32[B, T, 4]
  %13 = op add (%6, %12) : f32[B, T, 4]
  %14 = op mul (%12, %9) : f32[B, T, 4]
  %y.2 = op add (%y, %14) : f32[B, T, 4]
  %16 = apply "block" (%y.2) {members = ["2"], body = %c0, single = true} : f32[B, T, 4]
  %17 = op add (%13, %16) : f32[B, T, 4]
  %18 = fuse "sum" (%17, %live) {by = true} : f32[B, T, 4]
  %y.3 = op add (%x, %18) : f32[B, T, 4]
  output "h" = %y.3
}
