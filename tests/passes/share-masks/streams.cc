# Nothing fires: each mask is decided only where its own stream is kept, and together they would be decided everywhere.
core streams {training = false, parameters = [
    p("look", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %look = param "look" : f32[4, 4]
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %1 = op linear (%x, %look) {slots = ["x", "weight"]} : f32[B, 4]
  %2 = op linear (%x, %look) {slots = ["x", "weight"]} : f32[B, 4]
  %a = select "live.0" (%1) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %b = select "live.1" (%2) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %3 = field "kept" (%a) : bool[B, 4]
  %4 = field "kept" (%b) : bool[B, 4]
  %5 = op masked (%x, %3) {slots = ["x", "kept"]} : f32[B, 4]
  %6 = op masked (%x, %4) {slots = ["x", "kept"]} : f32[B, 4]
  %7 = op exp (%6) : f32[B, 4]
  %y = fuse "sum" (%5, %7, %g) {by = true} : f32[B, 4]
  output "y" = %y
}
# ---
core streams {training = false, parameters = [
    p("look", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %s = input "s" : f32[B, 2]
  %look = param "look" : f32[4, 4]
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 2], f32[B, 2])
  %4 = op linear (%x, %look) {slots = ["x", "weight"]} : f32[B, 4]
  %5 = op linear (%x, %look) {slots = ["x", "weight"]} : f32[B, 4]
  %a = select "live.0" (%4) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %b = select "live.1" (%5) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %8 = field "kept" (%a) : bool[B, 4]
  %9 = field "kept" (%b) : bool[B, 4]
  %10 = op masked (%x, %8) {slots = ["x", "kept"]} : f32[B, 4]
  %11 = op masked (%x, %9) {slots = ["x", "kept"]} : f32[B, 4]
  %12 = op exp (%11) : f32[B, 4]
  %y = fuse "sum" (%10, %12, %g) {by = true} : f32[B, 4]
  output "y" = %y
}
