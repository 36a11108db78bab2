# Must not fire: nothing says how many tokens there are.
model unknown(d: int = 256) {
  input x: f32[B, T, d]
  chunk expert[8](h) { h |> linear(4 * d) |> gelu |> linear(d) }
  router gate { score = x |> linear(8)  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
# ---
core unknown {training = false, chunks = [
    c("expert", ["0", "1", "2", "3", "4", "5", "6", "7"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[8, 256], uniform(0.0625)),
    p("gate.linear_1.bias", f32[8], uniform(0.0625)),
    p("expert.0.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.0.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.0.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.0.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.1.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.1.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.1.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.1.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.2.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.2.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.2.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.2.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.3.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.3.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.3.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.3.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.4.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.4.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.4.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.4.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.5.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.5.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.5.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.5.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.6.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.6.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.6.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.6.linear_2.bias", f32[256], uniform(0.03125)),
    p("expert.7.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("expert.7.linear_1.bias", f32[1024], uniform(0.0625)),
    p("expert.7.linear_2.weight", f32[256, 1024], uniform(0.03125)),
    p("expert.7.linear_2.bias", f32[256], uniform(0.03125)),
  ]} {
  %x = input "x" : f32[B, T, 256]
  %1 = param "gate.linear_1.weight" : f32[8, 256]
  %2 = param "gate.linear_1.bias" : f32[8]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
  %4 = op softmax (%3) {axis = -1} : f32[B, T, 8]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(2)], slots = ["score", "weight"]} : selection(bool[B, T, 8], f32[B, T, 8])
  chunk %c0 "expert" {
    %h = input "h" : f32[B, T, 256]
    %1 = param "linear_1.weight" : f32[1024, 256]
    %2 = param "linear_1.bias" : f32[1024]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 1024]
    %4 = op gelu (%3) : f32[B, T, 1024]
    %5 = param "linear_2.weight" : f32[256, 1024]
    %6 = param "linear_2.bias" : f32[256]
    %7 = op linear (%4, %5, %6) {slots = ["x", "weight", "bias"]} : f32[B, T, 256]
    output "" = %7
  }
  %6 = apply "expert" (%x) {members = ["0", "1", "2", "3", "4", "5", "6", "7"], body = %c0} : bundle[8](f32[B, T, 256])
  %y = fuse "sum" (%6, %gate) {by = true} : f32[B, T, 256]
  output "y" = %y
}
