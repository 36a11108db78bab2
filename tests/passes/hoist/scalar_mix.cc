# Scalar mixing: the softmax of one parameter a stream waits for no input.
model mix(d: int = 4) {
  input x: f32[B, d]
  chunk encoder[3](h) { h |> linear(d) }

  fuse y = learned(encoder(x))
  output y
}
# ---
core mix {training = false, chunks = [
    c("encoder", ["0", "1", "2"]),
  ], parameters = [
    p("y.learned_1.logits", f32[3], constant(0.0)),
    p("encoder.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("encoder.0.linear_1.bias", f32[4], uniform(0.5)),
    p("encoder.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("encoder.1.linear_1.bias", f32[4], uniform(0.5)),
    p("encoder.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("encoder.2.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "encoder" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %1 = apply "encoder" (%x) {members = ["0", "1", "2"], body = %c0} : bundle[3](f32[B, 4])
  chunk %c1 "" {
    %0 = param "y.learned_1.logits" : f32[3]
    %share = op softmax (%0) {axis = -1} : f32[3]
    %2 = op unsqueeze (%share) {axis = -1} : f32[3, 1]
    output "value" = %2
  }
  %2 = hoisted {body = %c1} : f32[3, 1]
  %3 = field "0" (%1) : f32[B, 4]
  %4 = field "1" (%1) : f32[B, 4]
  %5 = field "2" (%1) : f32[B, 4]
  %6 = op stack (%3, %4, %5) {axis = -2} : f32[B, 3, 4]
  %7 = op mul (%6, %2) : f32[B, 3, 4]
  %y = op sum (%7) {axes = [-2], keepdims = false} : f32[B, 4]
  output "y" = %y
}
