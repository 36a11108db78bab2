# A score and a threshold, both of the sample; the weight is hashed nowhere: it is no input.
model fingerprint {
  input x: f32[B, 6]
  param w: f32[8, 6]
  mask live {
    score = importance(x, w, hidden=3)
    grain = neuron
    keep  = above(learned(0.5, from=x))
    cache = fingerprint(bits=16, entries=32)
  }
  output y = x |> linear(w, mask=live)
}
# ---
core fingerprint {training = false, parameters = [
    p("w", f32[8, 6], uniform(0.408248290463863)),
    p("live.importance_1.mix", f32[3, 3], uniform(0.5773502691896257)),
    p("live.importance_1.bias", f32[3], constant(0.0)),
    p("live.importance_1.score.linear_1.weight", f32[1, 3], uniform(0.5773502691896258)),
    p("live.importance_1.score.linear_1.bias", f32[1], uniform(0.5773502691896258)),
    p("live.learned_1.weight", f32[1, 6], constant(0.0)),
    p("live.learned_1.bias", f32[1], constant(0.0)),
  ]} {
  %x = input "x" : f32[B, 6]
  %1 = param "w" : f32[8, 6]
  chunk %c0 "" {
    %x = input "x" : f32[B, 6]
    %1 = param "w" : f32[8, 6]
    %large = op abs (%1) : f32[8, 6]
    %active = op abs (%x) : f32[B, 6]
    %of_weight = op mean (%large) {axes = [-1], keepdims = false} : f32[8]
    %of_input = op mean (%active) {axes = [-1], keepdims = true} : f32[B, 1]
    %6 = op linear (%active, %large) {slots = ["x", "weight"]} : f32[B, 8]
    %7 = const {value = 6.0} : f32[]
    %of_both = op div (%6, %7) : f32[B, 8]
    %9 = param "live.importance_1.mix" : f32[3, 3]
    %10 = param "live.importance_1.bias" : f32[3]
    %11 = op unsqueeze (%of_weight) {axis = -1} : f32[8, 1]
    %12 = op index (%9) {axis = -1, index = 0} : f32[3]
    %13 = op mul (%11, %12) : f32[8, 3]
    %14 = op unsqueeze (%of_input) {axis = -1} : f32[B, 1, 1]
    %15 = op index (%9) {axis = -1, index = 1} : f32[3]
    %16 = op mul (%14, %15) : f32[B, 1, 3]
    %seen = op add (%13, %16) : f32[B, 8, 3]
    %18 = op unsqueeze (%of_both) {axis = -1} : f32[B, 8, 1]
    %19 = op index (%9) {axis = -1, index = 2} : f32[3]
    %20 = op mul (%18, %19) : f32[B, 8, 3]
    %21 = op add (%seen, %20) : f32[B, 8, 3]
    %all_seen = op add (%21, %10) : f32[B, 8, 3]
    %23 = op gelu (%all_seen) : f32[B, 8, 3]
    %24 = param "live.importance_1.score.linear_1.weight" : f32[1, 3]
    %25 = param "live.importance_1.score.linear_1.bias" : f32[1]
    %26 = op linear (%23, %24, %25) {slots = ["x", "weight", "bias"]} : f32[B, 8, 1]
    %27 = op sigmoid (%26) : f32[B, 8, 1]
    %score = op squeeze (%27) {axis = -1} : f32[B, 8]
    %29 = param "live.learned_1.weight" : f32[1, 6]
    %30 = param "live.learned_1.bias" : f32[1]
    %31 = op linear (%x, %29, %30) {slots = ["x", "weight", "bias"]} : f32[B, 1]
    %32 = const {value = 0.5} : f32[]
    %33 = op add (%31, %32) : f32[B, 1]
    output "score" = %score
    output "threshold_0" = %33
  }
  %2 = cached (%x) {body = %c0, path = "live", entries = 32, rows = 1, keys = [true], bits = 16} : record(score=f32[B, 8], threshold_0=f32[B, 1])
  %score = field "score" (%2) : f32[B, 8]
  %4 = field "threshold_0" (%2) : f32[B, 1]
  %live = select "live" (%score, %score, %4) {kind = "mask", grain = "neuron", rules = [above(of="weight", threshold="threshold.0")], cache = ["fingerprint", 16, 32], slots = ["score", "weight", "threshold.0"]} : selection(bool[B, 8], f32[B, 8])
  %6 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, 8]
  %7 = field "kept" (%live) : bool[B, 8]
  %y = op masked (%6, %7) {slots = ["x", "kept"]} : f32[B, 8]
  output "y" = %y
}
