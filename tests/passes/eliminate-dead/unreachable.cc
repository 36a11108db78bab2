# What no output needs goes, in bodies too; inputs and the parameter table stay.
core unreachable {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
    p("e.v", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %unread = input "unread" : f32[B, 4]
  %w = param "w" : f32[4, 4]
  %a = op linear (%x, %w) {slots = ["x", "weight"]} : f32[B, 4]
  %b = op relu (%a) : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "v" : f32[4]
    %dead = op mul (%h, %v) : f32[B, 4]
    %y = op gelu (%h) : f32[B, 4]
    output "" = %y
  }
  %c = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  output "y" = %c
}
# ---
core unreachable {training = false, parameters = [
    p("w", f32[4, 4], uniform(0.5)),
    p("e.v", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %unread = input "unread" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %y = op gelu (%h) : f32[B, 4]
    output "" = %y
  }
  %c = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  output "y" = %c
}
