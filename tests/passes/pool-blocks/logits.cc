# Products of queries and keys: those of their means. The queries are read in full elsewhere, so they are made in full; the
# keys are read for this only, so the mean of what they are made of is enough.
core logits {training = false, parameters = [
    p("w", f32[8, 8], uniform(0.5)),
    p("v", f32[8, 8], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 8]
  %w = param "w" : f32[8, 8]
  %v = param "v" : f32[8, 8]
  %1 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 8]
  %q = op heads (%1) {n = 2} : f32[B, 2, T, 4]
  %2 = op linear (%x, %v) {slots = ["x", "weight"]} : f32[B, T, 8]
  %k = op heads (%2) {n = 2} : f32[B, 2, T, 4]
  %3 = op attention_logits (%q, %k) {scale = none} : f32[B, 2, T, T]
  %y = op pool_blocks (%3) {axes = [-2, -1], sizes = [4, 4]} : f32[B, 2, ceil(T / 4), ceil(T / 4)]
  output "y" = %y
  output "q" = %q
}
# ---
core logits {training = false, parameters = [
    p("w", f32[8, 8], uniform(0.5)),
    p("v", f32[8, 8], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 8]
  %w = param "w" : f32[8, 8]
  %v = param "v" : f32[8, 8]
  %3 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 8]
  %q = op heads (%3) {n = 2} : f32[B, 2, T, 4]
  %5 = op pool_blocks (%q) {axes = [-2, -1], sizes = [4, 1]} : f32[B, 2, ceil(T / 4), 4]
  %6 = op pool_blocks (%x) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 8]
  %7 = op linear (%6, %v) {slots = ["x", "weight"]} : f32[B, ceil(T / 4), 8]
  %8 = op heads (%7) {n = 2} : f32[B, 2, ceil(T / 4), 4]
  %y = op attention_logits (%5, %8) {scale = none} : f32[B, 2, ceil(T / 4), ceil(T / 4)]
  output "y" = %y
  output "q" = %q
}
