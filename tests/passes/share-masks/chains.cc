# What is decided within two equal selections is equal too; a third takes its paths along. Rules and what they read must be the same.
core chains {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %a = select "coarse.0" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(3)]} : selection(bool[B, 4], f32[B, 4])
  %b = select "coarse.1" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(3)], also = ["coarse.2"]} : selection(bool[B, 4], f32[B, 4])
  %1 = field "kept" (%a) : bool[B, 4]
  %2 = field "kept" (%b) : bool[B, 4]
  %c = select "fine.0" (%s, %1) {kind = "mask", grain = "neuron", slots = ["score", "allowed"], rules = [top(2), first(1)]} : selection(bool[B, 4], f32[B, 4])
  %d = select "fine.1" (%s, %2) {kind = "mask", grain = "neuron", slots = ["score", "allowed"], rules = [top(2), first(1)]} : selection(bool[B, 4], f32[B, 4])
  %e = select "other" (%s, %2) {kind = "mask", grain = "neuron", slots = ["score", "allowed"], rules = [top(1), first(1)]} : selection(bool[B, 4], f32[B, 4])
  %3 = field "kept" (%c) : bool[B, 4]
  %4 = field "first" (%d) : bool[B, 4]
  %5 = field "kept" (%e) : bool[B, 4]
  %6 = op masked (%x, %3) {slots = ["x", "kept"]} : f32[B, 4]
  %7 = op where (%4, %6, %x) : f32[B, 4]
  %8 = op where (%5, %7, %x) : f32[B, 4]
  output "y" = %8
}
# ---
core chains {training = false} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %a = select "coarse.0" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(3)], also = ["coarse.1", "coarse.2"]} : selection(bool[B, 4], f32[B, 4])
  %3 = field "kept" (%a) : bool[B, 4]
  %c = select "fine.0" (%s, %3) {kind = "mask", grain = "neuron", slots = ["score", "allowed"], rules = [top(2), first(1)], also = ["fine.1"]} : selection(bool[B, 4], f32[B, 4])
  %e = select "other" (%s, %3) {kind = "mask", grain = "neuron", slots = ["score", "allowed"], rules = [top(1), first(1)]} : selection(bool[B, 4], f32[B, 4])
  %6 = field "kept" (%c) : bool[B, 4]
  %7 = field "first" (%c) : bool[B, 4]
  %8 = field "kept" (%e) : bool[B, 4]
  %9 = op masked (%x, %6) {slots = ["x", "kept"]} : f32[B, 4]
  %10 = op where (%7, %9, %x) : f32[B, 4]
  %11 = op where (%8, %10, %x) : f32[B, 4]
  output "y" = %11
}
