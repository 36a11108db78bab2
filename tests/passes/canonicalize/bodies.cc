# Bodies are rewritten once each, and one body called twice stays one.
core bodies {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
    p("never.read", f32[7], constant(1.0)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %wt = op transpose (%w) {a = -2, b = -1} : f32[4, 4]
    %wtt = op transpose (%wt) {a = -2, b = -1} : f32[4, 4]
    %y = op linear (%h, %wtt) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0"], single = true, body = %c0} : f32[B, 4]
  %b = apply "e" (%a) {members = ["1"], single = true, body = %c0, call = "e@2"} : f32[B, 4]
  output "y" = %b
}
# ---
core bodies {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
    p("never.read", f32[7], constant(1.0)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0"], single = true, body = %c0} : f32[B, 4]
  %b = apply "e" (%a) {members = ["1"], single = true, body = %c0, call = "e@2"} : f32[B, 4]
  output "y" = %b
}
