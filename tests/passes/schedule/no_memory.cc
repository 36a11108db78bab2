# No `memory`: everything is resident, and there is no plan.
model no_memory(d: int = 4) {
  input x: f32[B, d]
  chunk block[2](h) { h |> linear(d) }
  output y = block[1](block[0](x))
}
# ---
core no_memory {training = false, chunks = [
    c("block", ["0", "1"]),
  ], parameters = [
    p("block.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_1.bias", f32[4], uniform(0.5)),
    p("block.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %1 = apply "block" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  chunk %c1 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %y = apply "block" (%1) {members = ["1"], body = %c1, single = true} : f32[B, 4]
  output "y" = %y
}
