# Dynamic channel pruning (after Feature Boosting and Suppression, Gao et al., 2019): each image computes its own channels.
model dynamic_sparsity_channel(c: int = 64, classes: int = 10) {
  input image: f32[B, c, H, W]
  param w1: f32[2 * c, c, 3, 3]

  mask live {
    score = importance(image, w1)
    grain = channel
    keep  = top(25%)
    train = straight_through
  }
  loss sparsity = 1e-3 * density(live)

  output y = image |> conv2d(w1, padding=1, mask=live) |> relu |> mean(H, W) |> linear(classes)
}
