# Does not fire: comparing would cost what computing does.
model m {
  input x: f32[B, T, 4]
  input s: f32[B, 2]
  chunk part[2](h) { h |> linear(4) }
  router given { score = s  keep = top(1)  cache = exact(entries=8) }
  router made { score = s |> tanh  keep = top(1)  cache = exact(entries=8) }
  router averaged { score = x |> mean(T) |> linear(2)  keep = top(1)  cache = exact(entries=8) }
  fuse a = weighted_sum(part(x), by=given)
  fuse b = weighted_sum(part(x), by=made)
  fuse c = weighted_sum(part(x), by=averaged)
  output y = a + b + c
}
# ---
core m {training = false, chunks = [
    c("part", ["0", "1"]),
  ], parameters = [
    p("averaged.linear_1.weight", f32[2, 4], uniform(0.5)),
    p("averaged.linear_1.bias", f32[2], uniform(0.5)),
    p("part.0.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.0.linear_1.bias", f32[4], uniform(0.5)),
    p("part.1.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("part.1.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, T, 4]
  %s = input "s" : f32[B, 2]
  %2 = op softmax (%s) {axis = -1} : f32[B, 2]
  %given = select "given" (%s, %2) {kind = "router", rules = [top(1)], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  %4 = op tanh (%s) : f32[B, 2]
  %5 = op softmax (%4) {axis = -1} : f32[B, 2]
  %made = select "made" (%4, %5) {kind = "router", rules = [top(1)], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  %7 = op mean (%x) {axes = [-2], keepdims = false} : f32[B, 4]
  %8 = param "averaged.linear_1.weight" : f32[2, 4]
  %9 = param "averaged.linear_1.bias" : f32[2]
  %10 = op linear (%7, %8, %9) {slots = ["x", "weight", "bias"]} : f32[B, 2]
  %11 = op softmax (%10) {axis = -1} : f32[B, 2]
  %averaged = select "averaged" (%10, %11) {kind = "router", rules = [top(1)], cache = ["exact", 8], slots = ["score", "weight"]} : selection(bool[B, 2], f32[B, 2])
  chunk %c0 "part" {
    %h = input "h" : f32[B, T, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, T, 4]
    output "" = %3
  }
  %13 = apply "part" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, T, 4])
  %y = fuse "sum" (%13, %given) {by = true} : f32[B, T, 4]
  %15 = apply "part" (%x) {members = ["0", "1"], call = "part@2", body = %c0} : bundle[2](f32[B, T, 4])
  %y.2 = fuse "sum" (%15, %made) {by = true} : f32[B, T, 4]
  %17 = apply "part" (%x) {members = ["0", "1"], call = "part@3", body = %c0} : bundle[2](f32[B, T, 4])
  %y.3 = fuse "sum" (%17, %averaged) {by = true} : f32[B, T, 4]
  %19 = op add (%y, %y.2) : f32[B, T, 4]
  %y.4 = op add (%19, %y.3) : f32[B, T, 4]
  output "y" = %y.4
}
