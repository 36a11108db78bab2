# Nothing fires: gelu lets no factor pass; a weight may be negative, so relu does not either; an exp is not 0 at 0; of two ways
# both would do it; what is read twice is done once; a stopped gradient would stop the weight's too; and a row of the sequence is
# not of the features.
core not_inward {training = true, parameters = [
    p("w", f32[2, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 2]
  %o = input "o" : f32[B, T, 1]
  %w = param "w" : f32[2, 4]
  %gate = select "gate" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, T, 2], f32[B, T, 2])
  %live = select "live" (%o, %o) {kind = "router", slots = ["score", "weight"], rules = [above(0.0, of="score")]} : selection(bool[B, T, 1], f32[B, T, 1])
  %t = op tanh (%x) : f32[B, T, 4]
  %1 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %2 = op gelu (%1) : f32[B, T, 4]
  %3 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %4 = op relu (%3) : f32[B, T, 4]
  %5 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %6 = op exp (%5) : f32[B, T, 4]
  %7 = fuse "sum" (%t, %x, %gate) {by = true} : f32[B, T, 4]
  %8 = op linear (%7, %w) {slots = ["x", "weight"]} : f32[B, T, 2]
  %9 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %10 = op neg (%9) : f32[B, T, 4]
  %11 = op linear (%9, %w) {slots = ["x", "weight"]} : f32[B, T, 2]
  %12 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %13 = op stop_gradient (%12) : f32[B, T, 4]
  %14 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %15 = op mean (%14) {axes = [-2], keepdims = false} : f32[B, 4]
  output "a" = %2
  output "b" = %4
  output "c" = %6
  output "d" = %8
  output "e" = %10
  output "f" = %11
  output "g" = %13
  output "h" = %15
}
# ---
core not_inward {training = true, parameters = [
    p("w", f32[2, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 2]
  %o = input "o" : f32[B, T, 1]
  %w = param "w" : f32[2, 4]
  %gate = select "gate" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, T, 2], f32[B, T, 2])
  %live = select "live" (%o, %o) {kind = "router", slots = ["score", "weight"], rules = [above(0.0)]} : selection(bool[B, T, 1], f32[B, T, 1])
  %t = op tanh (%x) : f32[B, T, 4]
  %7 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %8 = op gelu (%7) : f32[B, T, 4]
  %9 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %10 = op relu (%9) : f32[B, T, 4]
  %11 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %12 = op exp (%11) : f32[B, T, 4]
  %13 = fuse "sum" (%t, %x, %gate) {by = true} : f32[B, T, 4]
  %14 = op linear (%13, %w) {slots = ["x", "weight"]} : f32[B, T, 2]
  %15 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %16 = op neg (%15) : f32[B, T, 4]
  %17 = op linear (%15, %w) {slots = ["x", "weight"]} : f32[B, T, 2]
  %18 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %19 = op stop_gradient (%18) : f32[B, T, 4]
  %20 = fuse "sum" (%t, %live) {by = true} : f32[B, T, 4]
  %21 = op mean (%20) {axes = [-2], keepdims = false} : f32[B, 4]
  output "a" = %8
  output "b" = %10
  output "c" = %12
  output "d" = %14
  output "e" = %16
  output "f" = %17
  output "g" = %19
  output "h" = %21
}
