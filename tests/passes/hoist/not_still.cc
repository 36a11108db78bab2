# Does not fire on what changes from call to call: a state with a next value here or in the body, draws, sizes of the inputs.
core moving {training = false, parameters = [
    p("w", f32[4], uniform(0.5)),
    p("bias", f32[4], constant(0.0), "state"),
    p("step.count", f32[4], constant(0.0), "state"),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "step" {
    %h = input "h" : f32[B, 4]
    %count = state "count" : f32[4]
    %1 = op exp (%count) : f32[4]
    %2 = op mul (%h, %1) : f32[B, 4]
    %3 = op mean (%h) {axes = [-2], keepdims = false} : f32[4]
    output "value" = %2
    next "count" = %3
  }
  %w = param "w" : f32[4]
  %bias = state "bias" : f32[4]
  %1 = op tanh (%bias) : f32[4]
  %2 = op uniform (%w) {path = "noise"} : f32[4]
  %3 = op broadcast (%w) {shape = [B, 4]} : f32[B, 4]
  %4 = op exp (%3) : f32[B, 4]
  %5 = apply "step" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  %6 = op add (%5, %1) : f32[B, 4]
  %7 = op add (%6, %2) : f32[B, 4]
  %8 = op add (%7, %4) : f32[B, 4]
  %9 = op mul (%bias, %w) : f32[4]
  output "y" = %8
  next "bias" = %9
}
# ---
core moving {training = false, parameters = [
    p("w", f32[4], uniform(0.5)),
    p("bias", f32[4], constant(0.0), "state"),
    p("step.count", f32[4], constant(0.0), "state"),
  ]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4]
  %bias = state "bias" : f32[4]
  %3 = op tanh (%bias) : f32[4]
  %4 = op uniform (%w) {path = "noise"} : f32[4]
  %5 = op broadcast (%w) {shape = [B, 4]} : f32[B, 4]
  %6 = op exp (%5) : f32[B, 4]
  chunk %c0 "step" {
    %h = input "h" : f32[B, 4]
    %count = state "count" : f32[4]
    %2 = op exp (%count) : f32[4]
    %3 = op mul (%h, %2) : f32[B, 4]
    %4 = op mean (%h) {axes = [-2], keepdims = false} : f32[4]
    output "value" = %3
    next "count" = %4
  }
  %7 = apply "step" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  %8 = op add (%7, %3) : f32[B, 4]
  %9 = op add (%8, %4) : f32[B, 4]
  %10 = op add (%9, %6) : f32[B, 4]
  %11 = op mul (%bias, %w) : f32[4]
  output "y" = %10
  next "bias" = %11
}
