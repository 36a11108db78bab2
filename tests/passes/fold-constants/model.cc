# A model as a person writes it, in a body too: a mean over ways of equal share, a scale that is a number.
model small(d: int = 4, n: int = 2) {
  input x: f32[B, d]
  chunk scaled(h) { h * (1.0 / (2.0 * 4.0)) }
  share = softmax(zeros([B, n]))
  output y = scaled(x) * mean(share, keepdims=true)
}
# ---
core small {training = false, chunks = [
    c("scaled", [""]),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "scaled" {
    %h = input "h" : f32[B, 4]
    %1 = const {value = 0.125} : f32[]
    %2 = op mul (%h, %1) : f32[B, 4]
    output "" = %2
  }
  %1 = apply "scaled" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  %2 = const {value = 0.5} : f32[]
  %3 = op broadcast (%2) {shape = [B, 1]} : f32[B, 1]
  %y = op mul (%1, %3) : f32[B, 4]
  output "y" = %y
}
