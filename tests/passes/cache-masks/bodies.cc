# In the body of a chunk, with a score network that is a chunk itself, over the sequence: a row is a sample.
model m {
  input x: f32[B, T, 4]
  chunk layer[2](h) {
    chunk asks(h) { h |> linear(8) |> gelu |> mean(T) |> linear(3) }
    chunk part[3](h) { h |> linear(4) }
    router gate { score = asks(h)  keep = top(1)  cache = exact(entries=8) }
    fuse z = weighted_sum(part(h), by=gate)
    output z
  }
  y = layer[0](x)
  z = layer[1](y)
  output z
}
# ---
core m {training = false, chunks = [
    c("layer", ["0", "1"]),
    c("layer.0.asks", [""]),
    c("layer.0.part", ["0", "1", "2"]),
    c("layer.1.asks", [""]),
    c("layer.1.part", ["0", "1", "2"]),
  ], parameters = [
    p("layer.0.asks.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("layer.0.asks.linear_1.bias", f32[8], uniform(0.5)),
    p("layer.0.asks.linear_2.weight", f32[3, 8], uniform(0.35355339059327373)),
    p("layer.0.asks.linear_2.bias", f32[3], uniform(0.35355339059327373)),
    p("layer.0.part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.0.part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.0.part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.0.part.1.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.0.part.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.0.part.2.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.1.asks.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("layer.1.asks.linear_1.bias", f32[8], uniform(0.5)),
    p("layer.1.asks.linear_2.weight", f32[3, 8], uniform(0.35355339059327373)),
    p("layer.1.asks.linear_2.bias", f32[3], uniform(0.35355339059327373)),
    p("layer.1.part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.1.part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.1.part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.1.part.1.linear_1.bias", f32[4], uniform(0.5)),
    p("layer.1.part.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("layer.1.part.2.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  chunk %c0 "asks" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[8, 4]
    %2 = param "linear_1.bias" : f32[8]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 8]
    %4 = op gelu (%3) : f32[B, T, 8]
    %5 = op mean (%4) {axes = [-2], keepdims = false} : f32[B, 8]
    %6 = param "linear_2.weight" : f32[3, 8]
    %7 = param "linear_2.bias" : f32[3]
    %8 = op linear (%5, %6, %7) {slots = ["x", "weight", "bias"]} : f32[B, 3]
    output "" = %8
  }
  chunk %c1 "" {
    %h = input "h" : f32[B, T, 4]
    %1 = apply "asks" (%h) {members = [""], body = %c0, single = true} : f32[B, 3]
    output "score" = %1
  }
  chunk %c2 "part" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %3
  }
  chunk %c3 "layer" {
    %h = input "h" : f32[B, T, 4]
    %1 = cached (%h) {body = %c1, path = "gate", entries = 8, rows = 1, keys = [true]} : f32[B, 3]
    %2 = op softmax (%1) {axis = -1} : f32[B, 3]
    %gate = select "gate" (%1, %2) {kind = "router", rules = [top(1)], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 3], f32[B, 3])
    %4 = apply "part" (%h) {members = ["0", "1", "2"], body = %c2} : bundle[3](f32[B, T, 4])
    %y = fuse "sum" (%4, %gate) {by = true} : f32[B, T, 4]
    output "z" = %y
  }
  %y = apply "layer" (%x) {members = ["0"], body = %c3, single = true} : f32[B, T, 4]
  %z = apply "layer" (%y) {members = ["1"], body = %c3, single = true} : f32[B, T, 4]
  output "z" = %z
}
