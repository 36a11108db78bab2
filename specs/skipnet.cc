# SkipNet (Wang et al., 2018): a gate before each residual block of a convolutional network decides whether this image needs it.
model skipnet(c: int = 64, layers: int = 8, classes: int = 10) {
  input image: f32[B, 3, H, W]

  chunk block[layers](h) {
    a = h |> group_norm(8) |> relu |> conv2d(c, 3, padding=1)
    output y = a |> group_norm(8) |> relu |> conv2d(c, 3, padding=1)
  }

  h = image |> conv2d(c, 3, padding=1)
  for i in 0..layers {
    router live[i] {
      score = h |> mean(H, W) |> linear(16) |> relu |> linear(1)
      keep  = above(0.5)
      train = straight_through
    }
    loss work = 1e-3 * density(live[i])
    fuse h = residual(h, block[i](h), by=live[i])
  }
  output y = h |> relu |> mean(H, W) |> linear(classes)
}
