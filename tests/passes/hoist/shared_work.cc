# Values that share work are one part, with a field for each that is read.
core shared {training = false, parameters = [p("w", f32[4, 4], uniform(0.5)), p("v", f32[4, 4], uniform(0.5))]} {
  %x = input "x" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %v = param "v" : f32[4, 4]
  %n = op exp (%w) : f32[4, 4]
  %up = op tanh (%n) : f32[4, 4]
  %down = op matmul (%n, %v) : f32[4, 4]
  %a = op linear (%x, %up) {slots = ["x", "weight"]} : f32[B, 4]
  %b = op linear (%a, %down) {slots = ["x", "weight"]} : f32[B, 4]
  %other = op sigmoid (%v) : f32[4, 4]
  %c = op linear (%b, %other) {slots = ["x", "weight"]} : f32[B, 4]
  output "y" = %c
}
# ---
core shared {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
    p("v", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %w = param "w" : f32[4, 4]
    %v = param "v" : f32[4, 4]
    %n = op exp (%w) : f32[4, 4]
    %up = op tanh (%n) : f32[4, 4]
    %down = op matmul (%n, %v) : f32[4, 4]
    output "up" = %up
    output "down" = %down
  }
  %1 = hoisted {body = %c0} : record(up=f32[4, 4], down=f32[4, 4])
  %up = field "up" (%1) : f32[4, 4]
  %down = field "down" (%1) : f32[4, 4]
  %a = op linear (%x, %up) {slots = ["x", "weight"]} : f32[B, 4]
  %b = op linear (%a, %down) {slots = ["x", "weight"]} : f32[B, 4]
  chunk %c1 "" {
    %v = param "v" : f32[4, 4]
    %other = op sigmoid (%v) : f32[4, 4]
    output "value" = %other
  }
  %other = hoisted {body = %c1} : f32[4, 4]
  %c = op linear (%b, %other) {slots = ["x", "weight"]} : f32[B, 4]
  output "y" = %c
}
