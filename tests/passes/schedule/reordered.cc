# `a` is called twice and there is room for one chunk: both calls of `a` run before `b`, which loads each once.
model reordered(d: int = 4) {
  input x: f32[B, d]
  input z: f32[B, d]
  chunk a(h) { h |> linear(d) }
  chunk b(h) { h |> linear(d) |> relu }
  output y = a(x) + b(x) + a(z)
  memory { budget = 100B }
}
# ---
core reordered {training = false, memory = attrs(budget=["bytes", 100]), chunks = [
    c("a", [""]),
    c("b", [""]),
  ], parameters = [
    p("a.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("a.linear_1.bias", f32[4], uniform(0.5)),
    p("b.linear_1.weight", f32[4, 4], uniform(0.5)),
    p("b.linear_1.bias", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %z = input "z" : f32[B, 4]
  chunk %c0 "a" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    output "" = %3
  }
  %2 = apply "a" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  chunk %c1 "b" {
    %h = input "h" : f32[B, 4]
    %1 = param "linear_1.weight" : f32[4, 4]
    %2 = param "linear_1.bias" : f32[4]
    %3 = op linear (%h, %1, %2) {slots = ["x", "weight", "bias"]} : f32[B, 4]
    %4 = op relu (%3) : f32[B, 4]
    output "" = %4
  }
  %3 = apply "b" (%x) {members = [""], body = %c1, single = true} : f32[B, 4]
  %4 = op add (%2, %3) : f32[B, 4]
  %5 = apply "a" (%z) {members = [""], call = "a@2", body = %c0, single = true} : f32[B, 4]
  %y = op add (%4, %5) : f32[B, 4]
  plan {
    acquire "a"  run "a"  release "a"
    acquire "a"  run "a@2"  release "a"
    evict "a"  acquire "b"  run "b"  release "b"
  }
  output "y" = %y
}
