# Masks over sizes that are not known keep all pairs, or none: attention without a mask, no attention, nothing counted.
core masks {training = false} {
  %q = input "q" : f32[B, 2, T, 4]
  %s = input "s" : f32[B, 2, T, T]
  %all = select "all" (%s) {kind = "mask", grain = "pair", slots = ["score"], rules = [all]} : selection(bool[B, 2, T, T], f32[B, 2, T, T])
  %p = op sigmoid (%s) : f32[B, 2, T, T]
  %none = select "none" (%s, %p) {kind = "mask", grain = "pair", slots = ["score", "weight"], rules = [above(1.0, of="weight")]} : selection(bool[B, 2, T, T], f32[B, 2, T, T])
  %1 = field "kept" (%all) : bool[B, 2, T, T]
  %2 = field "kept" (%none) : bool[B, 2, T, T]
  %3 = field "load" (%none) : f32[T]
  %a = op attention (%q, %q, %q, %1) {slots = ["q", "k", "v", "mask"], causal = true, after = false, scale = none} : f32[B, 2, T, 4]
  %b = op attention (%q, %q, %q, %2) {slots = ["q", "k", "v", "mask"], causal = true, after = false, scale = none} : f32[B, 2, T, 4]
  output "a" = %a
  output "b" = %b
  output "load" = %3
}
# ---
core masks {training = false} {
  %q = input "q" : f32[B, 2, T, 4]
  %s = input "s" : f32[B, 2, T, T]
  %2 = op zeros {shape = [T], dtype = f32} : f32[T]
  %a = op attention (%q, %q, %q) {slots = ["q", "k", "v"], causal = true, after = false, scale = none} : f32[B, 2, T, 4]
  %b = op zeros {shape = [B, 2, T, 4], dtype = f32} : f32[B, 2, T, 4]
  %5 = op zeros {shape = [B, 2, T, T], dtype = f32} : f32[B, 2, T, T]
  %all = select "all" (%5) {kind = "mask", grain = "pair", slots = ["score"], rules = [all], recorded = true} : selection(bool[B, 2, T, T], f32[B, 2, T, T])
  %7 = op zeros {shape = [B, 2, T, T], dtype = f32} : f32[B, 2, T, T]
  %none = select "none" (%7) {kind = "mask", grain = "pair", slots = ["score"], rules = [first(0)], recorded = true} : selection(bool[B, 2, T, T], f32[B, 2, T, T])
  output "a" = %a
  output "b" = %b
  output "load" = %2
}
