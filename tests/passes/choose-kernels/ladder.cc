# pass: choose-kernels(dims='B=256')
# Ways that are asked one after the other go on being so: what lies behind an exit is not computed.
model ladder(d: int = 128) {
  input x: f32[B, d]
  chunk stage[3](h) { h + (h |> linear(4 * d) |> gelu |> linear(d)) }
  h = x
  for i in 0..3 {
    h = stage[i](h)
    sure[i] = h |> mean |> sigmoid
    answer[i] = h
  }
  router exit {
    score    = stack(sure)
    weight   = 1
    keep     = above(0.6, of=score) |> first(1)
    fallback = last when none
  }
  fuse y = sum(answer, by=exit)
  output y
}
# ---
core ladder {training = false, chunks = [
    c("stage", ["0", "1", "2"]),
  ], parameters = [
    p("stage.0.linear_1.weight", f32[512, 128], uniform(0.08838834764831843)),
    p("stage.0.linear_1.bias", f32[512], uniform(0.08838834764831843)),
    p("stage.0.linear_2.weight", f32[128, 512], uniform(0.044194173824159216)),
    p("stage.0.linear_2.bias", f32[128], uniform(0.044194173824159216)),
    p("stage.1.linear_1.weight", f32[512, 128], uniform(0.08838834764831843)),
    p("stage.1.linear_1.bias", f32[512], uniform(0.08838834764831843)),
    p("stage.1.linear_2.weight", f32[128, 512], uniform(0.044194173824159216)),
    p("stage.1.linear_2.bias", f32[128], uniform(0.044194173824159216)),
    p("stage.2.linear_1.weight", f32[512, 128], uniform(0.08838834764831843)),
    p("stage.2.linear_1.bias", f32[512], uniform(0.08838834764831843)),
    p("stage.2.linear_2.weight", f32[128, 512], uniform(0.044194173824159216)),
    p("stage.2.linear_2.bias", f32[128], uniform(0.044194173824159216)),
  ]} {
  %x = input "x" : f32[B, 128]
  chunk %c0 "stage" {
    %h = input "h" : f32[B, 128]
    %1 = param "linear_1.weight" : f32[512, 128]
    %2 = param "linear_1.bias" : f32[512]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 512]
    %4 = op gelu (%3) : f32[B, 512]
    %5 = param "linear_2.weight" : f32[128, 512]
    %6 = param "linear_2.bias" : f32[128]
    %7 = op linear (%4, %5, %6) {slots = ["x", "weight", "bias"]} : f32[B, 128]
    %8 = op add (%h, %7) : f32[B, 128]
    output "" = %8
  }
  %h = apply "stage" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 128]
  %2 = op mean (%h) {axes = [-1], keepdims = false} : f32[B]
  %3 = op sigmoid (%2) : f32[B]
  %h.2 = apply "stage" (%h) {members = ["1"], body = %c0, single = true} : f32[B, 128]
  %5 = op mean (%h.2) {axes = [-1], keepdims = false} : f32[B]
  %6 = op sigmoid (%5) : f32[B]
  %h.3 = apply "stage" (%h.2) {members = ["2"], body = %c0, single = true} : f32[B, 128]
  %8 = op mean (%h.3) {axes = [-1], keepdims = false} : f32[B]
  %9 = op sigmoid (%8) : f32[B]
  %10 = op stack (%3, %6, %9) {axis = -1} : f32[B, 3]
  %11 = const {value = 1.0} : f32[]
  %12 = op broadcast (%11) {shape = [B, 3]} : f32[B, 3]
  %exit = select "exit" (%10, %12) {kind = "router", rules = [above(0.6), first(1)], fallback = ["last"], slots = ["score", "weight"]} : selection(bool[B, 3], f32[B, 3])
  %y = fuse "sum" (%h, %h.2, %h.3, %exit) {by = true, kernel = "gather"} : f32[B, 128]
  output "y" = %y
}
