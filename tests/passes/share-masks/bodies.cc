# Inside a body: both masks look at a weight that is captured, and not at what the body is given.
core bodies {training = false, parameters = [
    p("w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" {up = 1} : f32[4]
    %1 = op abs (%w) : f32[4]
    %2 = op abs (%w) : f32[4]
    %m = select "before" (%1) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[4], f32[4])
    %n = select "behind" (%2) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[4], f32[4])
    %3 = field "kept" (%m) : bool[4]
    %4 = field "kept" (%n) : bool[4]
    %5 = op masked (%h, %3) {slots = ["x", "kept"]} : f32[B, 4]
    %6 = op exp (%5) : f32[B, 4]
    %7 = op masked (%6, %4) {slots = ["x", "kept"]} : f32[B, 4]
    output "" = %7
  }
  %y = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  output "y" = %y
}
# ---
core bodies {training = false, parameters = [
    p("w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" {up = 1} : f32[4]
    %2 = op abs (%w) : f32[4]
    %m = select "before" (%2) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)], also = ["behind"]} : selection(bool[4], f32[4])
    %4 = field "kept" (%m) : bool[4]
    %5 = op masked (%h, %4) {slots = ["x", "kept"]} : f32[B, 4]
    %6 = op exp (%5) : f32[B, 4]
    %7 = op masked (%6, %4) {slots = ["x", "kept"]} : f32[B, 4]
    output "" = %7
  }
  %y = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  output "y" = %y
}
