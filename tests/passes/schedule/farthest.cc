# a b c a b in this order, with room for two: what goes for `c` is `b`, which is used farther ahead than `a`.
model farthest(d: int = 4) {
  input x: f32[B, d]
  chunk a(h) { h |> linear(d) }
  chunk b(h) { h |> linear(d) }
  chunk c(h) { h |> linear(d) }
  output y = x |> a |> b |> c |> a |> b
  memory { budget = 160B }
}
# ---
core farthest {training = false, memory = attrs(budget=["bytes", 160]), chunks = [
    c("a", [""]),
    c("b", [""]),
    c("c", [""]),
  ], parameters = [
    p("a.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("a.linear_1.bias", f32[4], uniform(0.5)),
    p("b.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("b.linear_1.bias", f32[4], uniform(0.5)),
    p("c.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("c.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "a" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %1 = apply "a" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  chunk %c1 "b" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %2 = apply "b" (%1) {members = [""], body = %c1, single = true} : f32[B, 4]
  chunk %c2 "c" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %3 = apply "c" (%2) {members = [""], body = %c2, single = true} : f32[B, 4]
  chunk %c3 "a" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %4 = apply "a" (%3) {members = [""], call = "a@2", body = %c3, single = true} : f32[B, 4]
  %y = apply "b" (%4) {members = [""], call = "b@2", body = %c1, single = true} : f32[B, 4]
  plan {
    acquire "a"  run "a"  release "a"
    acquire "b"  run "b"  release "b"
    evict "b"  acquire "c"  run "c"  release "c"
    acquire "a"  run "a@2"  release "a"
    evict "c"  acquire "b"  run "b@2"  release "b"
  }
  output "y" = %y
}
