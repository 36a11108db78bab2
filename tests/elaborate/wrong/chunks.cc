#: arrays, captures, states
model m(d: int = 8) {
  input x: f32[B, d]
  state s: f32[d] = 0
  router g { score = x |> linear(4)  keep = top(1) }
  chunk a[0](h) { h }                # error: CC0501 0
  chunk b[true](h) { h }             # error: CC0501 true
  chunk c[left, d](h) { h }          # error: CC0201 left
  chunk e(h) { h + x }               # error: CC0502 x
  chunk f(h) { h * g.weight }        # error: CC0502 g
  chunk i(h) {
    next s = s + 1                   # error: CC0503 s
    output y = h
  }
  chunk j(h) {
    input k: f32[d]                  # error: CC0507 input k: f32[d]
    output y = h
  }
  l = e(x)
  n = f(x)
  o = i(x)
  p = j(x)
  output x
}

#: extern chunks
model m(d: int = 8) {
  input x: f32[B, d]
  chunk a(h) = extern("models/a@v1")                              # error: CC0504 a
  chunk b(h: f32[B, d]) -> f32[B, d] = extern(trainable=true)     # error: CC0504 extern(trainable=true)
  chunk c(h: f32[B, d]) -> f32[B, d] = extern(3)                  # error: CC0504 3
  chunk e(h: f32[B, d]) -> f32[B, d] = extern("a@v1", frozen=true)    # error: CC0204 frozen
  chunk f(h: f32[B, 4]) -> f32[B, d] = extern("a@v1")
  y = f(x)                                                        # error: CC0305 x
  z = a(x)
  output x
}

#: recursion
model a {
  input x
  output y = b(x)
}
model b {
  input x
  output y = a(x)                    # error: CC0505 a(x)
}
model m {
  input x: f32[B, 8]
  chunk e(h) { f(h) }
  chunk f(h) { e(h) }                # error: CC0505 e(h)
  y = a(x)
  z = e(x)
  output x
}

#: no output
model m {                            # error: CC0506 m
  input x: f32[B, 8]
  y = x |> relu
}

#: no output of a chunk
model m {
  input x: f32[B, 8]
  chunk e(h) {                       # error: CC0506 e
    y = h |> relu
  }
  output y = e(x)
}

#: limits
model m(d: int = 8) {
  input x: f32[B, T, d]
  for i in 0..1000000000000 { y = x }              # error: CC1001 0..1000000000000
  a = ones([1000000000000000000])                  # error: CC1003 ones([1000000000000000000])
  b = x |> repeat(1000000000000000, 0)             # error: CC1003 repeat(1000000000000000, 0)
  chunk c[1000000000](h) { h }                     # error: CC1003 1000000000
  chunk e[1000, 1000](h) { h }                     # error: CC1003 e
  f = ones([10000000]) |> unstack                  # error: CC1003 unstack
  s = (B + T) * (B + T) * (B + T) * (B + T)
  n = s * s                                        # error: CC1004 s * s
  l = [[[[[[[[[x]]]]]]]]]                          # error: CC1005 [[[[[[[[[x]]]]]]]]]
  output x
}

#: a failed statement poisons its name only
model m(d: int = 8) {
  input x: f32[B, d]
  if wide { a = x } else { a = relu(x) }           # error: CC0201 wide
  for i in 0..many { h[i] = relu(a) }              # error: CC0201 many
  router g { score = b |> linear(2) }              # error: CC0201 b
  chunk e[2](h) { h |> linear(c) }                 # error: CC0201 c
  y = weighted_sum(e(a), by=g)
  z = h[0] + a
  output z
  output u = y * e(x)[0]
  output v = e(x)[1] + g.weight
  loss l = density(g)
  output w = x |> linear(d, mask=unheard)          # error: CC0201 unheard
}
