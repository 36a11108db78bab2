# Must not fire: bce takes two values of one shape and spreads neither.
core not_broadcast {training = false} {
  %x = input "x" : f32[B, 4]
  %half = const {value = 0.5} : f32[]
  %p = op broadcast (%half) {shape = [B, 4]} : f32[B, 4]
  %t = op sigmoid (%x) : f32[B, 4]
  %y = op bce (%p, %t) : f32[B, 4]
  output "y" = %y
}
# ---
core not_broadcast {training = false} {
  %x = input "x" : f32[B, 4]
  %half = const {value = 0.5} : f32[]
  %p = op broadcast (%half) {shape = [B, 4]} : f32[B, 4]
  %t = op sigmoid (%x) : f32[B, 4]
  %y = op bce (%p, %t) : f32[B, 4]
  output "y" = %y
}
