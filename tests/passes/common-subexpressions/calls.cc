# A call of a chunk is one with another of the same members and values; another member has other weights. Two bodies that are the
# same graph count as one.
core calls {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  chunk %c1 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0"], single = true, body = %c0} : f32[B, 4]
  %b = apply "e" (%x) {members = ["0"], single = true, body = %c1, call = "e@2"} : f32[B, 4]
  %c = apply "e" (%x) {members = ["1"], single = true, body = %c0, call = "e@3"} : f32[B, 4]
  %d = op add (%a, %b) : f32[B, 4]
  %e = op mul (%d, %c) : f32[B, 4]
  output "y" = %e
}
# ---
core calls {training = false, parameters = [
    p("e.0.w", f32[4, 4], uniform(0.5)),
    p("e.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4, 4]
    %y = op linear (%h, %w) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = ["0"], single = true, body = %c0} : f32[B, 4]
  %c = apply "e" (%x) {members = ["1"], single = true, body = %c0, call = "e@3"} : f32[B, 4]
  %d = op add (%a, %a) : f32[B, 4]
  %e = op mul (%d, %c) : f32[B, 4]
  output "y" = %e
}
