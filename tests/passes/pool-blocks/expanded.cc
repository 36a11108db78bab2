# The mean over a block of what was one number for the block; with blocks of other sizes it is none.
core expanded {training = false} {
  %x = input "x" : f32[B, 4, 6]
  %1 = op expand_blocks (%x) {axes = [-2, -1], sizes = [3, 2], shape = [11, 12]} : f32[B, 11, 12]
  %y = op pool_blocks (%1) {axes = [-2, -1], sizes = [3, 2]} : f32[B, 4, 6]
  %2 = op expand_blocks (%x) {axes = [-2, -1], sizes = [3, 2], shape = [11, 12]} : f32[B, 11, 12]
  %z = op pool_blocks (%2) {axes = [-2, -1], sizes = [2, 3]} : f32[B, 6, 4]
  output "y" = %y
  output "z" = %z
}
# ---
core expanded {training = false} {
  %x = input "x" : f32[B, 4, 6]
  %1 = op expand_blocks (%x) {axes = [-2, -1], sizes = [3, 2], shape = [11, 12]} : f32[B, 11, 12]
  %z = op pool_blocks (%1) {axes = [-2, -1], sizes = [2, 3]} : f32[B, 6, 4]
  output "y" = %x
  output "z" = %z
}
