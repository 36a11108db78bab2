# Each block needs the one before, so the order stands. There is room for two of three: the next is loaded while one runs.
model chain(d: int = 4) {
  input x: f32[B, d]
  chunk block[3](h) { h |> linear(d) |> relu }
  h = x
  for i in 0..3 { h = block[i](h) }
  memory { budget = 160B  prefetch = 1 }
  output h
}
# ---
core chain {training = false, memory = attrs(budget=["bytes", 160], prefetch=["ahead", 1]), chunks = [
    c("block", ["0", "1", "2"]),
  ], parameters = [
    p("block.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.0.linear_1.bias", f32[4], uniform(0.5)),
    p("block.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.1.linear_1.bias", f32[4], uniform(0.5)),
    p("block.2.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("block.2.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %h = apply "block" (%x) {members = ["0"], body = %c0, single = true} : f32[B, 4]
  chunk %c1 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %h.2 = apply "block" (%h) {members = ["1"], body = %c1, single = true} : f32[B, 4]
  %h.3 = apply "block" (%h.2) {members = ["2"], body = %c1, single = true} : f32[B, 4]
  plan {
    acquire "block.0"  prefetch "block.1"  run "block.0"  release "block.0"
    acquire "block.1"  evict "block.0"  prefetch "block.2"  run "block.1"  release "block.1"
    acquire "block.2"  run "block.2"  release "block.2"
  }
  output "h" = %h.3
}
