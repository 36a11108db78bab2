# The pair network of a mask of blocks: the mean moves before the last layer, and no further, for gelu bends.
model small(d: int = 4, h: int = 2) {
  input source: f32[B, S, d]
  input target: f32[B, T, d]
  mask grain {
    score = pairs(target, source) |> linear(3) |> gelu |> linear(2)
    keep  = levels(coarse=top(50%), fine=all)
    grain = block(4, 4)
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
  %2 = op pairs (%target, %source) : f32[B, T, S, 8]
  %3 = param "grain.linear_1.weight" : f32[3, 8]
  %4 = param "grain.linear_1.bias" : f32[3]
  %5 = op linear (%2, %3, %4) {slots = ["x", "weight", "bias"]} : f32[B, T, S, 3]
  %6 = op gelu (%5) : f32[B, T, S, 3]
  %7 = param "grain.linear_2.weight" : f32[2, 3]
  %8 = param "grain.linear_2.bias" : f32[2]
  %9 = param "q.linear_1.weight" : f32[4, 4]
  %10 = param "q.linear_1.bias" : f32[4]
  %11 = op linear (%target, %9, %10) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
  %q = op heads (%11) {n = 2} : f32[B, 2, T, 2]
  %13 = param "k.linear_1.weight" : f32[4, 4]
  %14 = param "k.linear_1.bias" : f32[4]
  %15 = op linear (%source, %13, %14) {slots = ["x", "weight", "bias"]} : f32[B, S, 4]
  %k = op heads (%15) {n = 2} : f32[B, 2, S, 2]
  %17 = op pool_blocks (%6) {axes = [-3, -2], sizes = [4, 4]} : f32[B, ceil(T / 4), ceil(S / 4), 3]
  %18 = op linear (%17, %7, %8) {slots = ["x", "weight", "bias"]} : f32[B, ceil(T / 4), ceil(S / 4), 2]
  %19 = op pool_blocks (%q) {axes = [-2, -1], sizes = [4, 1]} : f32[B, 2, ceil(T / 4), 2]
  %20 = op pool_blocks (%k) {axes = [-2, -1], sizes = [4, 1]} : f32[B, 2, ceil(S / 4), 2]
  %21 = op attention_logits (%19, %20) {scale = none} : f32[B, 2, ceil(T / 4), ceil(S / 4)]
  %22 = op unsqueeze (%18) {axis = -4} : f32[B, 1, ceil(T / 4), ceil(S / 4), 2]
  %23 = op broadcast (%22) {shape = [B, 2, ceil(T / 4), ceil(S / 4), 2]} : f32[B, 2, ceil(T / 4), ceil(S / 4), 2]
  %grain = select "grain" (%21, %23) {kind = "mask", grain = "block", block = [4, 4], rules = [top(share(0.5)), all], levels = ["coarse", "fine"], slots = ["score", "level"]} : selection(bool[B, 2, ceil(T / 4), ceil(S / 4)], f32[B, 2, ceil(T / 4), ceil(S / 4)])
  %25 = field "kept" (%grain) : bool[B, 2, ceil(T / 4), ceil(S / 4)]
  %26 = op expand_blocks (%25) {axes = [-2, -1], sizes = [4, 4], shape = [T, S]} : bool[B, 2, T, S]
  %27 = op attention (%q, %k, %k, %26) {causal = false, after = false, slots = ["q", "k", "v", "mask"], scale = none} : f32[B, 2, T, 2]
  %y = op merge_heads (%27) : f32[B, T, 4]
  output "y" = %y
}
