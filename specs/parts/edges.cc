# A stand-in for `edges` of composition.cc, which takes the part `#encoder`: where brightness changes.
model edges(d: int = 64) {
  input image: f32[B, 3, 32, 32]

  chunk encoder(image) {
    gray = mean(image, 1)
    across = gray[.., .., 1..32] - gray[.., .., 0..31]
    down = gray[.., 1..32, ..] - gray[.., 0..31, ..]
    found = stack([across[.., 0..31, ..], down[.., .., 0..31]], axis=1) |> abs
    output y = found |> conv2d(8, 5, stride=4) |> relu |> reshape([B, 8 * 7 * 7]) |> linear(d)
  }
  output y = encoder(image)
}
