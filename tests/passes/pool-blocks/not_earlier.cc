# Nothing fires: the mean of an activation is no activation of a mean; a softmax along a block divides by all of it; a mask inside
# a block leaves parts of it out; a product of values that both vary is no product of means; what is read in full elsewhere is
# made in full; and the mean of one entry of many is less than the means of them all.
core not_earlier {training = false, parameters = [
    p("w", f32[6, 6], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 6]
  %kept = input "kept" : bool[B, T, 6]
  %wide = input "wide" : f32[B, T, T, 64]
  %w = param "w" : f32[6, 6]
  %1 = op gelu (%x) : f32[B, T, 6]
  %a = op pool_blocks (%1) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %2 = op softmax (%x) {axis = -2} : f32[B, T, 6]
  %b = op pool_blocks (%2) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %3 = op masked (%x, %kept) {slots = ["x", "kept"]} : f32[B, T, 6]
  %c = op pool_blocks (%3) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %4 = op mul (%x, %x) : f32[B, T, 6]
  %d = op pool_blocks (%4) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %5 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %e = op pool_blocks (%5) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %6 = op index (%wide) {index = 3, axis = -1} : f32[B, T, T]
  %f = op pool_blocks (%6) {axes = [-2, -1], sizes = [4, 4]} : f32[B, ceil(T / 4), ceil(T / 4)]
  output "a" = %a
  output "b" = %b
  output "c" = %c
  output "d" = %d
  output "e" = %e
  output "f" = %f
  output "full" = %5
}
# ---
core not_earlier {training = false, parameters = [
    p("w", f32[6, 6], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 6]
  %kept = input "kept" : bool[B, T, 6]
  %wide = input "wide" : f32[B, T, T, 64]
  %w = param "w" : f32[6, 6]
  %4 = op gelu (%x) : f32[B, T, 6]
  %a = op pool_blocks (%4) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %6 = op softmax (%x) {axis = -2} : f32[B, T, 6]
  %b = op pool_blocks (%6) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %8 = op masked (%x, %kept) {slots = ["x", "kept"]} : f32[B, T, 6]
  %c = op pool_blocks (%8) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %10 = op mul (%x, %x) : f32[B, T, 6]
  %d = op pool_blocks (%10) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %12 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, T, 6]
  %e = op pool_blocks (%12) {axes = [-2, -1], sizes = [4, 1]} : f32[B, ceil(T / 4), 6]
  %14 = op index (%wide) {index = 3, axis = -1} : f32[B, T, T]
  %f = op pool_blocks (%14) {axes = [-2, -1], sizes = [4, 4]} : f32[B, ceil(T / 4), ceil(T / 4)]
  output "a" = %a
  output "b" = %b
  output "c" = %c
  output "d" = %d
  output "e" = %e
  output "f" = %f
  output "full" = %12
}
