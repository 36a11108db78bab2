#: both shapes of a clash, and where each came from
model m(d: int = 8) {
  input x: f32[B, T, d]
  input y: f32[B, S, d]
  input w: f64[B, T, d]
  a = x + y                          # error: CC0305 x + y
  b = x + linear(x, 4)               # error: CC0305 x + linear(x, 4)
  c = x + w                          # error: CC0305 x + w
  e = concat([x, y], axis=-1)        # error: CC0305 concat([x, y], axis=-1)
  q = concat(x, y, -1)               # error: CC0301 -1
  f = x @ y                          # error: CC0305 x @ y
  g = x |> heads(3)                  # error: CC0305 heads(3)
  h = x |> conv2d(4, 3)              # error: CC0305 conv2d(4, 3)
  i = x |> reshape([B, 3])           # error: CC0305 reshape([B, 3])
  j = x |> linear(y)                 # error: CC0305 linear(y)
  k = x |> split(3)                  # error: CC0305 split(3)
  l = x |> unstack(T)                # error: CC0302 unstack(T)
  n = x + true                       # error: CC0305 true
  loss p = x                         # error: CC0305 x
  output x
}

#: a call is named where a body of the user's own does not fit
model block(heads: int = 3) {
  input x
  output y = x |> heads(heads)       # error: CC0305 heads(heads)
}
model m(d: int = 8) {
  input x: f32[B, T, d]
  chunk e(h, g: f32[B, d]) { h + g } # error: CC0305 h + g
  a = block(x)
  b = e(x, x)                        # error: CC0305 x
  c = e(x, mean(x, 1)[.., 0..4])     # error: CC0305 mean(x, 1)[.., 0..4]
  f = e(x[.., .., 0..4], mean(x, 1))
  output x
}

#: what a chunk gives is what it declares
model m(d: int = 8) {
  input x: f32[B, d]
  chunk e(h: f32[B, d]) -> f32[B, 4] { h |> linear(5) }  # error: CC0305 f32[B, 4]
  output y = e(x)
}

#: another kind of value is expected
model m(d: int = 8, name: string = "a") {
  input x: f32[B, T, d]
  chunk e[3](h) { h |> relu }
  a = x |> linear("wide")            # error: CC0301 "wide"
  b = x |> linear(d * 0.3)           # error: CC0301 d * 0.3
  c = e(x) + 1                       # error: CC0301 e(x)
  f = name + 1                       # error: CC0301 name + 1
  g = true and 1                     # error: CC0301 true and 1
  h = -name                          # error: CC0301 name
  i = 5(x)                           # error: CC0301 5
  j = linear(4)                      # error: CC0301 4
  k = x |> cast(3)                   # error: CC0301 3
  l = ones([x])                      # error: CC0301 x
  for n in x { }                     # error: CC0301 x
  memory { budget = 3.5 }            # error: CC0301 3.5
  memory { evict = fifo }            # error: CC0301 fifo
  memory { prefetch = -1 }           # error: CC0301 -1
  o = x |> dropout(none)             # error: CC0301 none
  p = count(x)                       # error: CC0301 x
  q = floor(name)                    # error: CC0301 name
  output x
}

#: what must be known at compile time
model m(d: int = 8) {
  input x: f32[B, T, d]
  a = if x > 0 { x } else { -x }     # error: CC0302 x > 0
  b = if B == 3 { 1 } else { 2 }     # error: CC0302 B == 3
  c = if B < T { 1 } else { 2 }      # error: CC0302 B < T
  e = T / 2                          # error: CC0302 T / 2
  f = T * 0.5                        # error: CC0302 T * 0.5
  g = min(T, B)                      # error: CC0302 min(T, B)
  for i in 0.. { }                   # error: CC0302 0..
  param w: f32[T, d]                 # error: CC0302 T
  state s: f32[B] = 0                # error: CC0302 B
  output x
}

#: numbers
model m(d: int = 8) {
  input x: f32[B, d]
  a = 1 / 0                          # error: CC0303 1 / 0
  b = 7 mod 0                        # error: CC0303 7 mod 0
  c = sqrt(-d)                       # error: CC0303 sqrt(-d)
  e = inf - inf                      # error: CC0303 inf - inf
  f = 25% / 0                        # error: CC0303 25% / 0
  g = exp(1000)                      # error: CC1004 exp(1000)
  param p: f32[d - 9]                # error: CC0304 d - 9
  h = 5000000000000000000 * 2        # error: CC1004 5000000000000000000 * 2
  param q: f32[d] = "one"            # error: CC0310 "one"
  param r: f32[d] = gaussian(1)      # error: CC0310 gaussian(1)
  i = x |> dropout(1)                # error: CC0311 dropout(1)
  output x
}

#: indices, arguments and axes
model m(d: int = 8) {
  input x: f32[B, T, d]
  input t: f32[T, T]
  chunk e[3](h) { h |> relu }
  a = [x, x][2]                      # error: CC0306 2
  b = x[0, 0, 0, 0]                  # error: CC0306 0
  c = e[3](x)                        # error: CC0306 3
  f = e[0][1](x)                     # error: CC0306 1
  for i in 0..3 { g[2 * i] = x }     # error: CC0306 2 * i
  h = x |> heads                     # error: CC0307 heads
  j = x |> relu(x)                   # error: CC0307 x
  k = x |> linear(4, n=5)            # error: CC0307 5
  l = x |> linear(bias=true, bias=false)   # error: CC0307 bias=false
  n = e(x, x)                        # error: CC0307 x
  o = x |> mean(S)                   # error: CC0308 S
  p = x |> mean(3)                   # error: CC0308 3
  q = t |> mean(T)                   # error: CC0308 T
  r = stack([x, x], axis=T)          # error: CC0308 T
  output x
}

#: inputs of the model that is compiled have types
model m {
  input x                            # error: CC0309 input x
  output y = x |> relu
}
