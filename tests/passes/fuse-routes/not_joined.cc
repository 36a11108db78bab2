# Nothing fires: two ways may be kept, so the first result is no single stream; a gate that is trained straight through reads
# absent streams; a mean over positions sees what was not kept; and products that are read elsewhere would be computed twice.
core not_joined {training = true, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 3]
  %o = input "o" : f32[B, T, 1]
  %w = param "w" : f32[4, 4]
  %two = select "two" (%s) {kind = "router", slots = ["score"], rules = [top(2)]} : selection(bool[B, T, 3], f32[B, T, 3])
  %soft = select "soft" (%o) {kind = "router", slots = ["score"], rules = [above(0.0, of="score")], train = "straight_through"} : selection(bool[B, T, 1], f32[B, T, 1])
  %hard = select "hard" (%o) {kind = "router", slots = ["score"], rules = [above(0.5, of="score")]} : selection(bool[B, T, 1], f32[B, T, 1])
  %1 = op tanh (%x) : f32[B, T, 4]
  %2 = op sigmoid (%x) : f32[B, T, 4]
  %3 = fuse "sum" (%1, %2, %x, %two) {by = true} : f32[B, T, 4]
  %4 = op tanh (%3) : f32[B, T, 4]
  %5 = op sigmoid (%3) : f32[B, T, 4]
  %6 = fuse "sum" (%4, %5, %3, %two) {by = true} : f32[B, T, 4]
  %7 = fuse "sum" (%2, %soft) {by = true} : f32[B, T, 4]
  %8 = op relu (%7) : f32[B, T, 4]
  %9 = fuse "sum" (%8, %soft) {by = true} : f32[B, T, 4]
  %10 = fuse "sum" (%1, %hard) {by = true} : f32[B, T, 4]
  %11 = op mean (%10) {axes = [-2], keepdims = true} : f32[B, 1, 4]
  %12 = op add (%10, %11) : f32[B, T, 4]
  %13 = fuse "sum" (%12, %hard) {by = true} : f32[B, T, 4]
  %14 = op linear (%13, %w) {slots = ["x", "weight"]} : f32[B, T, 4]
  %15 = op exp (%14) : f32[B, T, 4]
  %16 = fuse "sum" (%15, %hard) {by = true} : f32[B, T, 4]
  output "a" = %6
  output "b" = %9
  output "c" = %16
  output "d" = %14
  output "e" = %13
}
# ---
core not_joined {training = true, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, T, 3]
  %o = input "o" : f32[B, T, 1]
  %w = param "w" : f32[4, 4]
  %two = select "two" (%s) {kind = "router", slots = ["score"], rules = [top(2)]} : selection(bool[B, T, 3], f32[B, T, 3])
  %soft = select "soft" (%o) {kind = "router", slots = ["score"], rules = [above(0.0)], train = "straight_through"} : selection(bool[B, T, 1], f32[B, T, 1])
  %hard = select "hard" (%o) {kind = "router", slots = ["score"], rules = [above(0.5)]} : selection(bool[B, T, 1], f32[B, T, 1])
  %7 = op tanh (%x) : f32[B, T, 4]
  %8 = op sigmoid (%x) : f32[B, T, 4]
  %9 = fuse "sum" (%7, %8, %x, %two) {by = true} : f32[B, T, 4]
  %10 = op tanh (%9) : f32[B, T, 4]
  %11 = op sigmoid (%9) : f32[B, T, 4]
  %12 = fuse "sum" (%10, %11, %9, %two) {by = true} : f32[B, T, 4]
  %13 = fuse "sum" (%8, %soft) {by = true} : f32[B, T, 4]
  %14 = op relu (%13) : f32[B, T, 4]
  %15 = fuse "sum" (%14, %soft) {by = true} : f32[B, T, 4]
  %16 = fuse "sum" (%7, %hard) {by = true} : f32[B, T, 4]
  %17 = op mean (%16) {axes = [-2], keepdims = true} : f32[B, 1, 4]
  %18 = op add (%16, %17) : f32[B, T, 4]
  %19 = fuse "sum" (%18, %hard) {by = true} : f32[B, T, 4]
  %20 = op linear (%19, %w) {slots = ["x", "weight"]} : f32[B, T, 4]
  %21 = op exp (%20) : f32[B, T, 4]
  %22 = fuse "sum" (%21, %hard) {by = true} : f32[B, T, 4]
  output "a" = %12
  output "b" = %15
  output "c" = %22
  output "d" = %20
  output "e" = %19
}
