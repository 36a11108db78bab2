# Deep residual learning (He et al., 2016): ResNet-18.
model resnet18(width: int = 64, classes: int = 1000) {
  input image: f32[B, 3, H, W]

  h = image
    |> conv2d(width, 7, stride=2, padding=3, bias=false)
    |> batch_norm
    |> relu
    |> max_pool2d(3, stride=2, padding=1)
  for stage in 0..4 {
    c = width * [1, 2, 4, 8][stage]
    for i in 0..2 {
      stride = if stage > 0 and i == 0 { 2 } else { 1 }
      a = h |> conv2d(c, 3, stride=stride, padding=1, bias=false) |> batch_norm |> relu
      b = a |> conv2d(c, 3, padding=1, bias=false) |> batch_norm
      shortcut = if stride == 2 { h |> conv2d(c, 1, stride=2, bias=false) |> batch_norm } else { h }
      h = relu(b + shortcut)
    }
  }
  output y = h |> mean(H, W) |> linear(classes)
}
