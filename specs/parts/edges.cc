# A stand-in for `edges` of composition.cc: where brightness changes.
model edges(d: int = 64) {
  input image: f32[B, 3, 32, 32]
  gray = mean(image, 1)
  across = gray[.., .., 1..32] - gray[.., .., 0..31]
  down = gray[.., 1..32, ..] - gray[.., 0..31, ..]
  found = stack([across[.., 0..31, ..], down[.., .., 0..31]], axis=1) |> abs
  output y = found |> conv2d(8, 5, stride=4) |> relu |> reshape([B, 8 * 7 * 7]) |> linear(d)
}
