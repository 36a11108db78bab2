# Nothing fires: a product under a mask is computed for what the mask keeps, each for its own; as one it would be computed whole. So
# it is for blocks of pairs that each attention leaves out.
core products {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %q = input "q" : f32[B, 2, T, 4]
  %v = input "v" : f32[B, 2, T, 4]
  %b = input "b" : bool[B, 1, ceil(T / 2), ceil(T / 2)]
  %w = param "w" : f32[4, 4]
  %m = select "m" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %n = select "n" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %1 = field "kept" (%m) : bool[B, 4]
  %2 = field "kept" (%n) : bool[B, 4]
  %3 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %4 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %5 = op masked (%3, %1) {slots = ["x", "kept"]} : f32[B, 4]
  %6 = op masked (%4, %2) {slots = ["x", "kept"]} : f32[B, 4]
  %7 = op sub (%5, %6) : f32[B, 4]
  %8 = op expand_blocks (%b) {axes = [-2, -1], sizes = [2, 2], shape = [T, T]} : bool[B, 1, T, T]
  %9 = op expand_blocks (%b) {axes = [-2, -1], sizes = [2, 2], shape = [T, T]} : bool[B, 1, T, T]
  %10 = op attention (%q, %q, %q, %8) {slots = ["q", "k", "v", "mask"], causal = false, after = false, scale = none} : f32[B, 2, T, 4]
  %11 = op attention (%q, %q, %v, %9) {slots = ["q", "k", "v", "mask"], causal = false, after = false, scale = none} : f32[B, 2, T, 4]
  %12 = op sub (%10, %11) : f32[B, 2, T, 4]
  output "y" = %7
  output "z" = %12
}
# ---
core products {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 4]
  %q = input "q" : f32[B, 2, T, 4]
  %v = input "v" : f32[B, 2, T, 4]
  %b = input "b" : bool[B, 1, ceil(T / 2), ceil(T / 2)]
  %w = param "w" : f32[4, 4]
  %m = select "m" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %n = select "n" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %8 = field "kept" (%m) : bool[B, 4]
  %9 = field "kept" (%n) : bool[B, 4]
  %10 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %11 = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %12 = op masked (%10, %8) {slots = ["x", "kept"]} : f32[B, 4]
  %13 = op masked (%11, %9) {slots = ["x", "kept"]} : f32[B, 4]
  %14 = op sub (%12, %13) : f32[B, 4]
  %15 = op expand_blocks (%b) {axes = [-2, -1], sizes = [2, 2], shape = [T, T]} : bool[B, 1, T, T]
  %16 = op expand_blocks (%b) {axes = [-2, -1], sizes = [2, 2], shape = [T, T]} : bool[B, 1, T, T]
  %17 = op attention (%q, %q, %q, %15) {slots = ["q", "k", "v", "mask"], causal = false, after = false, scale = none} : f32[B, 2, T, 4]
  %18 = op attention (%q, %q, %v, %16) {slots = ["q", "k", "v", "mask"], causal = false, after = false, scale = none} : f32[B, 2, T, 4]
  %19 = op sub (%17, %18) : f32[B, 2, T, 4]
  output "y" = %14
  output "z" = %19
}
