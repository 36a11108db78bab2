# Does not fire: nobody asked, and there is no profile.
model m {
  input x: f32[B, 4]
  chunk part[2](h) { h |> linear(4) }
  router gate { score = x |> linear(8) |> gelu |> linear(2)  keep = top(1) }
  fuse y = weighted_sum(part(x), by=gate)
  output y
}
# ---
core m {training = false, chunks = [
    c("part", ["0", "1"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[8], uniform(0.5)),
    p("gate.linear_2.weight", f32[2, 8], uniform(0.35355339059327373)),
    p("gate.linear_2.bias", f32[2], uniform(0.35355339059327373)),
    p("part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "gate.linear_1.weight" : f32[8, 4]
  %2 = param "gate.linear_1.bias" : f32[8]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 8]
  %4 = op gelu (%3) : f32[B, 8]
  %5 = param "gate.linear_2.weight" : f32[2, 8]
  %6 = param "gate.linear_2.bias" : f32[2]
  %7 = op linear (%4, %5, %6) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %8 = op softmax (%7) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%7, %8) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "part" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %10 = apply "part" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%10, %gate) {by = true} : f32[B, 4]
  output "y" = %y
}
