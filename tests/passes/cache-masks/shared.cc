# A hoisted operand is the same for all rows: it is passed on, and not looked up.
core m {training = false, parameters = [p("w", f32[2, 4], uniform(0.5)), p("v", f32[4, 4], uniform(0.5))]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %w = param "w" : f32[2, 4]
    %v = param "v" : f32[4, 4]
    %m = op matmul (%w, %v) : f32[2, 4]
    output "value" = %m
  }
  %m = hoisted {body = %c0} : f32[2, 4]
  %s = op linear (%x, %m) {slots = ["x", "weight"]} : f32[B, 2]
  %gate = select "gate" (%s) {kind = "router", rules = [top(1)], slots = ["score"], cache = ["exact", 8]} : selection(bool[B, 2], f32[B, 2])
  %y = field "weight" (%gate) : f32[B, 2]
  %z = op mul (%y, %s) : f32[B, 2]
  output "y" = %z
}
# ---
core m {training = false, parameters = [
    p("w", f32[2, 4], uniform(0.5)),
    p("v", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %w = param "w" : f32[2, 4]
    %v = param "v" : f32[4, 4]
    %m = op matmul (%w, %v) : f32[2, 4]
    output "value" = %m
  }
  %m = hoisted {body = %c0} : f32[2, 4]
  chunk %c1 "" {
    %x = input "x" : f32[B, 4]
    %m = input "m" : f32[2, 4]
    %s = op linear (%x, %m) {slots = ["x", "weight"]} : f32[B, 2]
    output "score" = %s
  }
  %s = cached (%x, %m) {body = %c1, path = "gate", entries = 8, rows = 1, keys = [true, false]} : f32[B, 2]
  %gate = select "gate" (%s) {kind = "router", rules = [top(1)], slots = ["score"], cache = ["exact", 8]} : selection(bool[B, 2], f32[B, 2])
  %y = field "weight" (%gate) : f32[B, 2]
  %z = op mul (%y, %s) : f32[B, 2]
  output "y" = %z
}
