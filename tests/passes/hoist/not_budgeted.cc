# Does not fire in a chunk under a memory budget: a derived weight would stay when the chunk goes. The frame around it is resident.
model budgeted(d: int = 4) {
  input x: f32[B, d]
  param table: f32[2, d]
  chunk head[2](h) {
    param w: f32[d, d]
    output y = linear(h, l2_norm(w))
  }
  router gate {
    score = linear(x, l2_norm(table))
    keep  = top(1)
  }
  memory { budget = 50% }
  fuse y = weighted_sum(head(linear(x, 2 * d) |> linear(d)), by=gate)
  output y
}
# ---
core budgeted {training = false, memory = attrs(budget=["share", 0.5]), chunks = [
    c("head", ["0", "1"]),
  ], parameters = [
    p("table", f32[2, 4], uniform(0.5)),
    p("y.linear_1.weight", f32[8, 4], uniform(0.5)),
    p("y.linear_1.bias", f32[8], uniform(0.5)),
    p("y.linear_2.weight", f32[4, 8], uniform(0.35355339059327373)),
    p("y.linear_2.bias", f32[4], uniform(0.35355339059327373)),
    p("head.0.w", f32[4, 4], uniform(0.5)),
    p("head.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %0 = param "table" : f32[2, 4]
    %1 = op l2_norm (%0) {eps = 1e-12} : f32[2, 4]
    output "value" = %1
  }
  %1 = hoisted {body = %c0} : f32[2, 4]
  %2 = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, 2]
  %3 = op softmax (%2) {axis = -1} : f32[B, 2]
  %gate = select "gate" (%2, %3) {kind = "router", rules = [top(1)], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  %5 = param "y.linear_1.weight" : f32[8, 4]
  %6 = param "y.linear_1.bias" : f32[8]
  %7 = op linear (%x, %5, %6) {slots = ["x", "weight", "bias"]} : f32[B, 8]
  %8 = param "y.linear_2.weight" : f32[4, 8]
  %9 = param "y.linear_2.bias" : f32[4]
  %10 = op linear (%7, %8, %9) {slots = ["x", "weight", "bias"]} : f32[B, 4]
  chunk %c1 "head" {
    %h = input "h" : f32[B, 4]
    %1 = param "w" : f32[4, 4]
    %2 = op l2_norm (%1) {eps = 1e-12} : f32[4, 4]
    %y = op linear (%h, %2) {slots = ["x", "weight"]} : f32[B, 4]
    output "y" = %y
  }
  %11 = apply "head" (%10) {members = ["0", "1"], body = %c1} : bundle[2](f32[B, 4])
  %y = fuse "sum" (%11, %gate) {by = true} : f32[B, 4]
  output "y" = %y
}
