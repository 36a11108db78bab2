# Does not fire: in training every score is computed.
core m {training = true, parameters = [p("w", f32[2, 4], uniform(0.5))]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[2, 4]
  %s = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 2]
  %gate = select "gate" (%s) {kind = "router", rules = [top(1)], slots = ["score"], cache = ["exact", 8]} : selection(bool[B, 2], f32[B, 2])
  %y = field "weight" (%gate) : f32[B, 2]
  output "y" = %y
}
# ---
core m {training = true, parameters = [
    p("w", f32[2, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[2, 4]
  %s = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 2]
  %gate = select "gate" (%s) {kind = "router", rules = [top(1)], slots = ["score"], cache = ["exact", 8]} : selection(bool[B, 2], f32[B, 2])
  %y = field "weight" (%gate) : f32[B, 2]
  output "y" = %y
}
