#: unknown names are told with the nearest known one, and what is made of them stays silent
model m(d: int = 8) {
  input x: f32[B, T, d]
  y = x |> lineer(4) |> relu         # error: CC0201 lineer
  z = y + 1
  output a = z |> linear(dd)
  output b = x |> linear(dd)         # error: CC0201 dd
  output c = x |> mean(U)            # error: CC0308 U
  output e = nothing_like_it         # error: CC0201 nothing_like_it
  output f = weigthed_sum([x])       # error: CC0201 weigthed_sum
}

#: a lower-case size is a parameter, a capital one stands in an input
model m(d: int = 8) {
  input x: f32[B, n]                 # error: CC0201 n
  input y: f33[B, d]                 # error: CC0201 f33
  output z = ones([B, K])            # error: CC0201 K
}

#: a kind of parameter that there is not
model m(d: integer = 8) {            # error: CC0201 integer
  input x: f32[B, 8]
  output x
}

#: a parameter without a value
model m(d: int) {                    # error: CC0307 m
  input x: f32[B, d]
  output x
}

#: a parameter of another kind
model m(d: int = 8.5) {              # error: CC0301 8.5
  input x: f32[B, d]
  output x
}

#: nothing is declared or given twice
model m(d: int = 8) {
  input x: f32[B, d]
  input x: f32[B, d]                 # error: CC0202 x
  y = x |> relu
  y = x |> gelu                      # error: CC0202 y
  state s: f32[d] = 0
  next s = mean(x, 0)
  next s = mean(y, 0)                # error: CC0202 next s = mean(y, 0)
  router g {
    score = x
    score = y                        # error: CC0202 score
  }
  chunk e[left, left](h) { h }       # error: CC0202 left
  memory { budget = 25%  budget = 1MiB }  # error: CC0202 budget
  memory { evict = lru }
  memory { evict = lfu }             # error: CC0202 memory { evict = lfu }
  output x
  output x                           # error: CC0202 x
}

#: two parameters of one name
model m(d: int = 8, d: int = 9) {    # error: CC0202 d
  input x: f32[B, d]
  output x
}

#: two models of one name
model a {
  input x
  output x
}
model a {                            # error: CC0202 a
  input x
  output x
}
model m {
  input x: f32[B, 8]
  output y = a(x)
}

#: fields, members and arguments that there are not
model m(d: int = 8) {
  input x: f32[B, d]
  chunk e[3](h) { h |> relu }
  chunk f[left, right](h) { h |> relu }
  chunk g(h) {
    output first = h
    output second = relu(h)
  }
  router r { score = linear(x, 3)  keeep = top(1) }   # error: CC0203 keeep
  router s { score = linear(x, 3)  grain = neuron }   # error: CC0203 grain
  router t { score = linear(x, 3)  keep = top(1) }
  memory { budgte = 25% }            # error: CC0203 budgte
  a = t.wieght                       # error: CC0203 wieght
  b = x.weight                       # error: CC0203 weight
  c = e.left(x)                      # error: CC0203 left
  i = f.lift(x)                      # error: CC0203 lift
  j = g(x).third                     # error: CC0203 third
  k = x |> linear(4, bais=false)     # error: CC0204 bais
  l = x |> e(mask=x)                 # error: CC0204 mask
  n = null_point(e(x), haeds=2)      # error: CC0204 haeds
  next d = 3                         # error: CC0205 d
  output x
}

#: a file needs a model
chunk f(h) { h }                     # error: CC0208

#: use names a file below this one
use "missing.cc"                     # error: CC0207 "missing.cc"
use "../outside.cc"                  # error: CC0207 "../outside.cc"
use "/etc/hostname"                  # error: CC0207 "/etc/hostname"
model m {
  input x: f32[B, 8]
  output x
}
