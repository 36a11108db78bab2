# A stand-in for `shapes` of composition.cc: the whole, seen coarsely.
model shapes(d: int = 64) {
  input image: f32[B, 3, 32, 32]
  output y = image
    |> avg_pool2d(4)
    |> conv2d(16, 3, padding=1)
    |> relu
    |> max_pool2d(2)
    |> reshape([B, 16 * 4 * 4])
    |> linear(d)
}
