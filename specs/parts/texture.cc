# A stand-in for `texture` of composition.cc: what small patches look like, wherever they are.
model texture(d: int = 64) {
  input image: f32[B, 3, 32, 32]
  patches = image |> conv2d(16, 4, stride=4) |> relu |> conv2d(16, 1) |> relu
  output y = concat([mean(patches, 2, 3), max(patches, 2, 3)]) |> linear(d)
}
