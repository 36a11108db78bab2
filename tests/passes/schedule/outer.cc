# Both members of `block` call `norm`, which is further out: each is held with it. States are no part of it: they stay where they are.
model outer(d: int = 4) {
  input x: f32[B, d]
  chunk norm(h) { h |> layer_norm }
  chunk block[2](h) { h |> norm |> linear(d) }
  output y = x |> block[0] |> block[1]
  memory { budget = 120B }
}
# ---
core outer {training = false, memory = attrs(budget=["bytes", 120]), chunks = [
    c("norm", [""]),
    c("block", ["0", "1"]),
  ], parameters = [
    p("block.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_1.bias", f32[4], uniform(0.5)),
    p("norm.layer_norm_1.weight", f32[4], constant(1.0)),
    p("norm.layer_norm_1.bias", f32[4], constant(0.0)),
    p("block.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "norm" {
    %h = input "h" : f32[B, 4]
    %1 = param "layer_norm_1.weight" : f32[4]
    %2 = param "layer_norm_1.bias" : f32[4]
    %3 = op layer_norm (%h, %1, %2) {eps = 1e-05, slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  chunk %c1 "block" {
    %h = input "h" : f32[B, 4]
    %1 = apply "norm" (%h) {up = 1, members = [""], call = "^norm", body = %c0, single = true} : f32[B, 4]
    %2 = param "linear_1.weight" : f32[4, 4]
    %3 = param "linear_1.bias" : f32[4]
    %4 = op linear (%1, %2, %3) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %4
  }
  %1 = apply "block" (%x) {members = ["0"], body = %c1, single = true} : f32[B, 4]
  chunk %c2 "norm" {
    %h = input "h" : f32[B, 4]
    %1 = param "layer_norm_1.weight" : f32[4]
    %2 = param "layer_norm_1.bias" : f32[4]
    %3 = op layer_norm (%h, %1, %2) {eps = 1e-05, slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  chunk %c3 "block" {
    %h = input "h" : f32[B, 4]
    %1 = apply "norm" (%h) {up = 1, members = [""], call = "^norm", body = %c2, single = true} : f32[B, 4]
    %2 = param "linear_1.weight" : f32[4, 4]
    %3 = param "linear_1.bias" : f32[4]
    %4 = op linear (%1, %2, %3) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %4
  }
  %y = apply "block" (%1) {members = ["1"], body = %c3, single = true} : f32[B, 4]
  plan {
    acquire "norm"  acquire "block.0"  run "block.0"  release "norm"  release "block.0"
    evict "block.0"  acquire "norm"  acquire "block.1"  run "block.1"  release "norm"  release "block.1"
  }
  output "y" = %y
}
