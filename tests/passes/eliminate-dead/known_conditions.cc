# Conditions that are the same everywhere: a mask that keeps all, one that keeps nothing, a `where` of a constant.
core known {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %all = select "all" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [all]} : selection(bool[B, 4], f32[B, 4])
  %none = select "none" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(0)]} : selection(bool[B, 4], f32[B, 4])
  %1 = field "kept" (%all) : bool[B, 4]
  %2 = field "kept" (%none) : bool[B, 4]
  %3 = op masked (%x, %1) {slots = ["x", "kept"]} : f32[B, 4]
  %4 = op masked (%x, %2) {slots = ["x", "kept"]} : f32[B, 4]
  %true = const {value = true} : bool[]
  %5 = op where (%true, %3, %4) : f32[B, 4]
  output "y" = %5
  output "z" = %4
}
# ---
core known {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %2 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %3 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %all = select "all" (%3) {kind = "mask", grain = "neuron", slots = ["score"], rules = [all], recorded = true} : selection(bool[B, 4], f32[B, 4])
  %5 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %none = select "none" (%5) {kind = "mask", grain = "neuron", slots = ["score"], rules = [first(0)], recorded = true} : selection(bool[B, 4], f32[B, 4])
  output "y" = %x
  output "z" = %2
}
