# Each member keeps its own: weights tied through a norm, in the body of an array, and one of the frame around it.
model normed(d: int = 4) {
  input x: f32[B, d]
  param table: f32[8, d]
  chunk head[2](h) {
    param w: f32[d, d]
    y = linear(h, l2_norm(w))
    output out = linear(y, l2_norm(table))
  }
  fuse y = sum(head(x))
  output y
}
# ---
core normed {training = false, chunks = [
    c("head", ["0", "1"]),
  ], parameters = [
    p("table", f32[8, 4], uniform(0.5)),
    p("head.0.w", f32[4, 4], uniform(0.5)),
    p("head.1.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %0 = param "w" : f32[4, 4]
    %1 = op l2_norm (%0) {eps = 1e-12} : f32[4, 4]
    output "value" = %1
  }
  chunk %c1 "" {
    %0 = param "table" {up = 1} : f32[8, 4]
    %1 = op l2_norm (%0) {eps = 1e-12} : f32[8, 4]
    output "value" = %1
  }
  chunk %c2 "head" {
    %h = input "h" : f32[B, 4]
    %1 = hoisted {body = %c0} : f32[4, 4]
    %y = op linear (%h, %1) {slots = ["x", "weight"]} : f32[B, 4]
    %3 = hoisted {body = %c1} : f32[8, 4]
    %out = op linear (%y, %3) {slots = ["x", "weight"]} : f32[B, 8]
    output "out" = %out
  }
  %1 = apply "head" (%x) {members = ["0", "1"], body = %c2} : bundle[2](f32[B, 8])
  %y = fuse "sum" (%1) : f32[B, 8]
  output "y" = %y
}
