# Nothing fires: draws, selections and states are no constants, though what they are made of is; nor is 0 times what may be infinite.
core not_constant {training = true, parameters = [
    p("seen", f32[4], constant(0.0), "state"),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %2 = op uniform (%1) {path = "noise"} : f32[B, 4]
  %3 = select "live" (%1) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %4 = field "kept" (%3) : bool[B, 4]
  %5 = op masked (%x, %4) {slots = ["x", "kept"]} : f32[B, 4]
  %6 = op mul (%5, %1) : f32[B, 4]
  %7 = op add (%6, %2) : f32[B, 4]
  %seen = state "seen" : f32[4]
  %9 = op add (%7, %seen) : f32[B, 4]
  %10 = op index (%9) {axis = -2, index = 0} : f32[4]
  output "y" = %9
  next "seen" = %10
}
# ---
core not_constant {training = true, parameters = [
    p("seen", f32[4], constant(0.0), "state"),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %2 = op uniform (%1) {path = "noise"} : f32[B, 4]
  %3 = select "live" (%1) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %4 = field "kept" (%3) : bool[B, 4]
  %5 = op masked (%x, %4) {slots = ["x", "kept"]} : f32[B, 4]
  %6 = op mul (%5, %1) : f32[B, 4]
  %7 = op add (%6, %2) : f32[B, 4]
  %seen = state "seen" : f32[4]
  %9 = op add (%7, %seen) : f32[B, 4]
  %10 = op index (%9) {axis = -2, index = 0} : f32[4]
  output "y" = %9
  next "seen" = %10
}
