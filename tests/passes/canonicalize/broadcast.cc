# A value is not spread for an op that spreads it: but where the result has its shape from the broadcast alone.
core broadcast {training = false} {
  %x = input "x" : f32[B, 4]
  %v = input "v" : f32[4]
  %half = const {value = 0.5} : f32[]
  %1 = op broadcast (%half) {shape = [B, 4]} : f32[B, 4]
  %2 = op broadcast (%v) {shape = [B, 4]} : f32[B, 4]
  %a = op mul (%x, %1) : f32[B, 4]
  %b = op gt (%2, %a) : bool[B, 4]
  %c = op add (%2, %1) : f32[B, 4]
  %kept = op masked (%c, %b) {slots = ["x", "kept"]} : f32[B, 4]
  output "y" = %kept
}
# ---
core broadcast {training = false} {
  %x = input "x" : f32[B, 4]
  %v = input "v" : f32[4]
  %half = const {value = 0.5} : f32[]
  %3 = op broadcast (%v) {shape = [B, 4]} : f32[B, 4]
  %a = op mul (%x, %half) : f32[B, 4]
  %b = op gt (%v, %a) : bool[B, 4]
  %c = op add (%3, %half) : f32[B, 4]
  %kept = op masked (%c, %b) {slots = ["x", "kept"]} : f32[B, 4]
  output "y" = %kept
}
