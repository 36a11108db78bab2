# pass: choose-kernels(dims='B=4,T=64')
# One decision: only the kept neurons are worth finding. For every token its own: the whole product is faster.
model masks(d: int = 256) {
  input x: f32[B, T, d]
  input hint: f32[d]
  param up: f32[4 * d, d]
  param down: f32[d, 4 * d]

  mask alike { score = hint |> linear(4 * d)  grain = neuron  keep = top(5%) }
  mask apart { score = x |> linear(d)  grain = neuron  keep = top(25%) }

  output y = x |> linear(up, mask=alike) |> relu |> linear(down, mask=apart)
}
# ---
core masks {training = false, parameters = [
    p("up", f32[1024, 256], uniform(0.0625)),
    p("down", f32[256, 1024], uniform(0.03125)),
    p("alike.linear_1.weight", f32[1024, 256], uniform(0.0625)),
    p("alike.linear_1.bias", f32[1024], uniform(0.0625)),
    p("apart.linear_1.weight", f32[256, 256], uniform(0.0625)),
    p("apart.linear_1.bias", f32[256], uniform(0.0625)),
  ]} {
  %x = input "x" : f32[B, T, 256]
  %hint = input "hint" : f32[256]
  %2 = param "up" : f32[1024, 256]
  %3 = param "down" : f32[256, 1024]
  %4 = param "alike.linear_1.weight" : f32[1024, 256]
  %5 = param "alike.linear_1.bias" : f32[1024]
  %6 = op linear (%hint, %4, %5) {slots = ["x", "weight", "bias"]} : f32[1024]
  %alike = select "alike" (%6, %6) {kind = "mask", grain = "neuron", rules = [top(share(0.05))], slots = ["score", "weight"], kernel = "union"} : selection(bool[1024], f32[1024])
  %8 = param "apart.linear_1.weight" : f32[256, 256]
  %9 = param "apart.linear_1.bias" : f32[256]
  %10 = op linear (%x, %8, %9) {slots = ["x", "weight", "bias"]} : f32[B, T, 256]
  %apart = select "apart" (%10, %10) {kind = "mask", grain = "neuron", rules = [top(share(0.25))], slots = ["score", "weight"], kernel = "dense"} : selection(bool[B, T, 256], f32[B, T, 256])
  %12 = op linear (%x, %2) {slots = ["x", "weight"]} : f32[B, T, 1024]
  %13 = field "kept" (%alike) : bool[1024]
  %14 = op unsqueeze (%13) {axis = -2} : bool[1, 1024]
  %15 = op unsqueeze (%14) {axis = -2} : bool[1, 1, 1024]
  %16 = op masked (%12, %15) {slots = ["x", "kept"]} : f32[B, T, 1024]
  %17 = op relu (%16) : f32[B, T, 1024]
  %18 = op linear (%17, %3) {slots = ["x", "weight"]} : f32[B, T, 256]
  %19 = field "kept" (%apart) : bool[B, T, 256]
  %y = op masked (%18, %19) {slots = ["x", "kept"]} : f32[B, T, 256]
  output "y" = %y
}
