# The branch is never taken, but its call has a loss: the call stays. The sum of scores below 0 may lie under any limit of `top_p`: nothing is known.
core effects {training = true, parameters = [
    p("e.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    %l = op mean (%y) {axes = [-2, -1], keepdims = false} : f32[]
    output "" = %y
    loss "l" = %l
  }
  %e = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  %never = const {value = false} : bool[]
  %y = op where (%never, %e, %x) : f32[B, 4]
  %r = select "r" (%x) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top_p(0.0)]} : selection(bool[B, 4], f32[B, 4])
  %kept = field "kept" (%r) : bool[B, 4]
  output "y" = %y
  output "kept" = %kept
}
# ---
core effects {training = true, parameters = [
    p("e.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    %l = op mean (%y) {axes = [-2, -1], keepdims = false} : f32[]
    output "" = %y
    loss "l" = %l
  }
  %e = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  %r = select "r" (%x) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top_p(0.0)]} : selection(bool[B, 4], f32[B, 4])
  %kept = field "kept" (%r) : bool[B, 4]
  output "y" = %x
  output "kept" = %kept
}
