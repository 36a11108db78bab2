# The pair network of a granularity mask: its first layer is no longer quadratic, the one behind the activation is.
model small(d: int = 4, h: int = 2) {
  input source: f32[B, S, d]
  input target: f32[B, T, d]
  mask grain {
    score = pairs(target, source) |> linear(3) |> gelu |> linear(2)
    keep  = levels(coarse=top(50%), fine=all)
    grain = pair
  }
  q = target |> linear(d) |> heads(h)
  k = source |> linear(d) |> heads(h)
  output y = attention(q, k, k, mask=grain) |> merge_heads
}
# ---
core small {training = false, parameters = [
    p("grain.linear_1.weight", f32[3, 8], uniform(0.35355339059327373)),
    p("grain.linear_1.bias", f32[3], uniform(0.35355339059327373)),
    p("grain.linear_2.weight", f32[2, 3], uniform(0.5773502691896258)),
    p("grain.linear_2.bias", f32[2], uniform(0.5773502691896258)),
    p("q.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("q.linear_1.bias", f32[4], uniform(0.5)),
    p("k.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("k.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %source = input "source" : f32[B, S, 4]
  %target = input "target" : f32[B, T, 4]
  %2 = param "grain.linear_1.weight" : f32[3, 8]
  %3 = param "grain.linear_1.bias" : f32[3]
  %4 = op unsqueeze (%target) {axis = -2} : f32[B, T, 1, 4]
  %5 = op slice (%2) {axis = -1, start = 0, stop = 4, step = 1} : f32[3, 4]
  %6 = op linear (%4, %5, %3) {slots = ["x", "weight", "bias"]} : f32[B, T, 1, 3]
  %7 = op unsqueeze (%source) {axis = -3} : f32[B, 1, S, 4]
  %8 = op slice (%2) {axis = -1, start = 4, stop = 8, step = 1} : f32[3, 4]
  %9 = op linear (%7, %8) {slots = ["x", "weight"]} : f32[B, 1, S, 3]
  %10 = op add (%6, %9) : f32[B, T, S, 3]
  %11 = op gelu (%10) : f32[B, T, S, 3]
  %12 = param "grain.linear_2.weight" : f32[2, 3]
  %13 = param "grain.linear_2.bias" : f32[2]
  %14 = op linear (%11, %12, %13) {slots = ["x", "weight", "bias"]} : f32[B, T, S, 2]
  %15 = param "q.linear_1.weight" : f32[4, 4]
  %16 = param "q.linear_1.bias" : f32[4]
  %17 = op linear (%target, %15, %16) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
  %q = op heads (%17) {n = 2} : f32[B, 2, T, 2]
  %19 = param "k.linear_1.weight" : f32[4, 4]
  %20 = param "k.linear_1.bias" : f32[4]
  %21 = op linear (%source, %19, %20) {slots = ["x", "weight", "bias"]} : f32[B, S, 4]
  %k = op heads (%21) {n = 2} : f32[B, 2, S, 2]
  %23 = op attention_logits (%q, %k) {scale = none} : f32[B, 2, T, S]
  %24 = op unsqueeze (%14) {axis = -4} : f32[B, 1, T, S, 2]
  %25 = op broadcast (%24) {shape = [B, 2, T, S, 2]} : f32[B, 2, T, S, 2]
  %grain = select "grain" (%23, %25) {kind = "mask", grain = "pair", rules = [top(share(0.5)), all], levels = ["coarse", "fine"], slots = ["score", "level"]} : selection(bool[B, 2, T, S], f32[B, 2, T, S])
  %27 = field "kept" (%grain) : bool[B, 2, T, S]
  %28 = op attention (%q, %k, %k, %27) {causal = false, after = false, slots = ["q", "k", "v", "mask"], scale = none} : f32[B, 2, T, 2]
  %y = op merge_heads (%28) : f32[B, T, 4]
  output "y" = %y
}
