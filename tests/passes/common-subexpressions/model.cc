# In a body as a person writes it: the norm that both branches ask for is computed once.
model small(d: int = 4) {
  input x: f32[B, d]
  chunk block(h) {
    gelu(linear(layer_norm(h, weight=false, bias=false), d))
      * sigmoid(layer_norm(h, weight=false, bias=false))
  }
  output y = block(x)
}
# ---
core small {training = false, chunks = [
    c("block", [""]),
  ], parameters = [
    p("block.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "block" {
    %h = input "h" : f32[B, 4]
    %1 = op layer_norm (%h) {eps = 1e-05, slots = ["x"]} : f32[B, 4]
    %2 = param "linear_1.weight" : f32[4, 4]
    %3 = param "linear_1.bias" : f32[4]
    %4 = op linear (%1, %2, %3) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %5 = op gelu (%4) : f32[B, 4]
    %6 = op sigmoid (%1) : f32[B, 4]
    %7 = op mul (%5, %6) : f32[B, 4]
    output "" = %7
  }
  %y = apply "block" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  output "y" = %y
}
