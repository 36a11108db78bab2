#: handles, requirements, what is missing
model m(d: int = 4) {
  input x: f32[B, d]
  chunk a(x: f32[B, d]) -> f32[B, d] = extern("models/../edges")           # error: CC1422 ..
  chunk b(x: f32[B, d]) -> f32[B, d] = extern("flie:b.onnx", on_missing=zero)  # error: CC1421 flie
  chunk c(x: f32[B, d]) -> f32[B, d] = extern("models/c@")                 # error: CC1420 @
  chunk e(x: f32[B, d]) -> f32[B, d] = extern("models/e", on_missing=gone) # error: CC0301 gone
  chunk f(x) { x |> linear(d) } from extern("models/f", trained=true)      # error: CC0204 trained
  chunk p(x) { x |> linear(d) } from extern("models/p", "models/q")        # error: CC0307 "models/q"
  chunk q(x) { x |> linear(d) } from extern("models/q", trainable=1)       # error: CC0301 1
  chunk r(x) { x |> linear(d) } from extern("models/r", trainable=true, trainable=false)  # error: CC0307 trainable
  chunk g(x) { x |> linear(d) } from 3                                     # error: CC0504 3
  chunk h(x: f32[B, d]) -> f32[B, d] = extern("onnx:h.onnx") requires "numpy", "numpy>=>2" isolated  # error: CC1447 "numpy>=>2"
  chunk t(x) { x |> linear(d) } requires "torch" isolated                  # warning: CC1479 "torch"
  output y = a(x) + b(x) + c(x) + h(x) + t(x)
}

#: a call that cannot be skipped
model m(d: int = 4) {
  input x: f32[B, d]
  chunk a(x: f32[B, d]) -> f32[B, d] = extern("models/a")
  router r { score = x |> linear(2) }
  memory { on_missing = skip }
  fuse y = weighted_sum([a(x), x], by=r)
  output y
  output z = relu(a(x))                     # error: CC1448 a(x)
}

#: zeros of what is no float
model m(d: int = 4) {
  input x: f32[B, d]
  chunk b(x: f32[B, d]) -> i64[B, d] = extern("models/b", on_missing=zero)
  output i = b(x)                           # error: CC1448 b(x)
}

#: a call of another model says nothing of what is missing
model inner {
  input x: f32[B, 4]
  memory { on_missing = zero }              # error: CC1448 zero
  output y = x |> relu
}
model m {
  input x: f32[B, 4]
  output y = inner(x)
}
