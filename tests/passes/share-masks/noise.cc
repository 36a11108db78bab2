# Nothing fires: noise of two paths is two values, hard is not straight through, and a router weighs by other weights.
core noise {training = true} {
  %x = input "x" : f32[B, 4]
  %n = op uniform (%x) {path = "noise.0"} : f32[B, 4]
  %m = op uniform (%x) {path = "noise.1"} : f32[B, 4]
  %s = op add (%x, %n) : f32[B, 4]
  %t = op add (%x, %m) : f32[B, 4]
  %w = op softmax (%s) {axis = -1} : f32[B, 4]
  %a = select "live.0" (%s, %w) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %b = select "live.1" (%t, %w) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %c = select "live.2" (%s, %w) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)], train = "straight_through"} : selection(bool[B, 4], f32[B, 4])
  %d = select "live.3" (%s, %s) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %1 = field "weight" (%a) : f32[B, 4]
  %2 = field "weight" (%b) : f32[B, 4]
  %3 = field "weight" (%c) : f32[B, 4]
  %4 = field "weight" (%d) : f32[B, 4]
  %5 = op add (%1, %2) : f32[B, 4]
  %6 = op add (%3, %4) : f32[B, 4]
  %y = op mul (%5, %6) : f32[B, 4]
  output "y" = %y
}
# ---
core noise {training = true} {
  %x = input "x" : f32[B, 4]
  %n = op uniform (%x) {path = "noise.0"} : f32[B, 4]
  %m = op uniform (%x) {path = "noise.1"} : f32[B, 4]
  %s = op add (%x, %n) : f32[B, 4]
  %t = op add (%x, %m) : f32[B, 4]
  %w = op softmax (%s) {axis = -1} : f32[B, 4]
  %a = select "live.0" (%s, %w) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %b = select "live.1" (%t, %w) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %c = select "live.2" (%s, %w) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)], train = "straight_through"} : selection(bool[B, 4], f32[B, 4])
  %d = select "live.3" (%s, %s) {kind = "mask", grain = "neuron", slots = ["score", "weight"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
  %10 = field "weight" (%a) : f32[B, 4]
  %11 = field "weight" (%b) : f32[B, 4]
  %12 = field "weight" (%c) : f32[B, 4]
  %13 = field "weight" (%d) : f32[B, 4]
  %14 = op add (%10, %11) : f32[B, 4]
  %15 = op add (%12, %13) : f32[B, 4]
  %y = op mul (%14, %15) : f32[B, 4]
  output "y" = %y
}
