# In training the backward pass reads all weights again: there is no plan, whatever the budget.
core training {training = true, memory = attrs(budget=["bytes", 20]), chunks = [c("block", [""])], parameters = [
    p("block.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "w" : f32[4, 4]
    %2 = op linear (%h, %1) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %2
  }
  %1 = apply "block" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  output "y" = %1
}
# ---
core training {training = true, memory = attrs(budget=["bytes", 20]), chunks = [
    c("block", [""]),
  ], parameters = [
    p("block.w", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "block" {
    %h = input "h" : f32[B, 4]
    %1 = param "w" : f32[4, 4]
    %2 = op linear (%h, %1) {slots = ["x", "weight"]} : f32[B, 4]
    output "" = %2
  }
  %1 = apply "block" (%x) {members = [""], body = %c0, single = true} : f32[B, 4]
  output "y" = %1
}
