# Pruning by magnitude: the selection reads the weight alone, and goes along with what it prunes; it is recorded in each call.
model pruned(d: int = 4) {
  input x: f32[B, d]
  param w: f32[8, d]

  mask live {
    score = abs(w)
    grain = weight
    keep  = top(50%)
  }
  output y = linear(x, w, mask=live)
}
# ---
core pruned {training = false, parameters = [
    p("w", f32[8, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "" {
    %0 = param "w" : f32[8, 4]
    %1 = op abs (%0) : f32[8, 4]
    %live = select "live" (%1, %1) {kind = "mask", grain = "weight", rules = [top(share(0.5), over=[-2, -1])], slots = ["score", "weight"]} : selection(bool[8, 4], f32[8, 4])
    %3 = field "kept" (%live) : bool[8, 4]
    %4 = op masked (%0, %3) {slots = ["x", "kept"]} : f32[8, 4]
    output "value" = %4
  }
  %1 = hoisted {body = %c0} : f32[8, 4]
  %y = op linear (%x, %1) {slots = ["x", "weight"]} : f32[B, 8]
  output "y" = %y
}
