# A value of one axis is left as it is: means of blocks are of two. And a mean of what is the same for all is not taken at all.
core vectors {training = false} {
  %x = input "x" : f32[B, T]
  %v = input "v" : f32[T]
  %1 = op unsqueeze (%v) {axis = -2} : f32[1, T]
  %2 = op add (%x, %1) : f32[B, T]
  %3 = op add (%2, %v) : f32[B, T]
  %y = op pool_blocks (%3) {axes = [-2, -1], sizes = [1, 3]} : f32[B, ceil(T / 3)]
  output "y" = %y
}
# ---
core vectors {training = false} {
  %x = input "x" : f32[B, T]
  %v = input "v" : f32[T]
  %2 = op unsqueeze (%v) {axis = -2} : f32[1, T]
  %3 = op add (%x, %2) : f32[B, T]
  %4 = op add (%3, %v) : f32[B, T]
  %y = op pool_blocks (%4) {axes = [-2, -1], sizes = [1, 3]} : f32[B, ceil(T / 3)]
  output "y" = %y
}
