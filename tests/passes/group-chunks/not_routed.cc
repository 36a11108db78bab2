# Does not fire: no router tells the rows of these members apart, and the other bundle is read twice.
model ensemble(d: int = 4) {
  input x: f32[B, d]
  chunk a[2](h) { h |> linear(d) }
  chunk b[2](h) { h |> linear(d) }
  router gate {
    score = linear(x, 2)
    keep  = top(1)
  }
  streams = b(x)
  fuse some = weighted_sum(streams, by=gate)
  fuse all = sum(streams)
  fuse y = sum([sum(a(x)), some, all])
  output y
}
# ---
core ensemble {training = false, chunks = [
    c("a", ["0", "1"]),
    c("b", ["0", "1"]),
  ], parameters = [
    p("gate.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("gate.linear_1.bias", f32[2], uniform(0.5)),
    p("b.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("b.0.linear_1.bias", f32[4], uniform(0.5)),
    p("b.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("b.1.linear_1.bias", f32[4], uniform(0.5)),
    p("a.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("a.0.linear_1.bias", f32[4], uniform(0.5)),
    p("a.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("a.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = param "gate.linear_1.weight" : f32[2, 4]
  %2 = param "gate.linear_1.bias" : f32[2]
  %3 = op linear (%x, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %4 = op softmax (%3) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%3, %4) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "b" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %6 = apply "b" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%6, %gate) {by = true} : f32[B, 4]
  %all = fuse "sum" (%6) : f32[B, 4]
  chunk %c1 "a" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %9 = apply "a" (%x) {members = ["0", "1"], body = %c1} : bundle[2](f32[B, 4])
  %10 = fuse "sum" (%9) : f32[B, 4]
  %y.2 = fuse "sum" (%10, %y, %all) : f32[B, 4]
  output "y" = %y.2
}
