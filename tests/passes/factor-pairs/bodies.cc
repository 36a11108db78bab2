# In the body of a chunk, whose weight is its own.
core bodies {training = true, parameters = [
    p("net.w", f32[8, 7], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  chunk %c0 "net" {
    %a = input "a" : f32[B, T, 4]
    %b = input "b" : f32[B, S, 3]
    %w = param "w" : f32[8, 7]
    %all = op pairs (%a, %b) : f32[B, T, S, 7]
    %y = op linear (%all, %w) {slots = ["x", "weight"]} : f32[B, T, S, 8]
    output "" = %y
  }
  %y = apply "net" (%t, %s) {members = [""], single = true, body = %c0} : f32[B, T, S, 8]
  output "y" = %y
}
# ---
core bodies {training = true, parameters = [
    p("net.w", f32[8, 7], uniform(0.5)),
  ]} {
  %t = input "t" : f32[B, T, 4]
  %s = input "s" : f32[B, S, 3]
  chunk %c0 "net" {
    %a = input "a" : f32[B, T, 4]
    %b = input "b" : f32[B, S, 3]
    %w = param "w" : f32[8, 7]
    %3 = op unsqueeze (%a) {axis = -2} : f32[B, T, 1, 4]
    %4 = op slice (%w) {axis = -1, start = 0, stop = 4, step = 1} : f32[8, 4]
    %5 = op linear (%3, %4) {slots = ["x", "weight"]} : f32[B, T, 1, 8]
    %6 = op unsqueeze (%b) {axis = -3} : f32[B, 1, S, 3]
    %7 = op slice (%w) {axis = -1, start = 4, stop = 7, step = 1} : f32[8, 3]
    %8 = op linear (%6, %7) {slots = ["x", "weight"]} : f32[B, 1, S, 8]
    %y = op add (%5, %8) : f32[B, T, S, 8]
    output "" = %y
  }
  %y = apply "net" (%t, %s) {members = [""], single = true, body = %c0} : f32[B, T, S, 8]
  output "y" = %y
}
