#: streams and their router
model m(d: int = 8) {
  input x: f32[B, T, d]
  input v: f32[B, d]
  chunk e[4](h) { h |> linear(d) }
  router three { score = v |> linear(3) }
  router often { score = x |> linear(4) }
  router four { score = v |> linear(4) }
  fuse a = e(v)                                # error: CC0401 e(v)
  fuse b = sum(e(v), by=v)                     # error: CC0401 v
  fuse c = concat(e(v), axis=0, by=four)       # error: CC0401 0
  fuse f = sum([], by=four)                    # error: CC0401 sum([], by=four)
  fuse g = weighted_sum(e(v), by=three)        # error: CC0403 three
  fuse h = weighted_sum(e(v), by=often)        # error: CC0404 often
  fuse i = sum([v, x], by=four)                # error: CC0305 sum([v, x], by=four)
  fuse j = weighted_sum(e([v, v]), by=four)    # error: CC0403 [v, v]
  fuse k = mean([v > 0])                       # error: CC0401 mean([v > 0])
  l = e(x, among=four)                         # error: CC0404 four
  n = e(x, among=x)                            # error: CC0301 x
  output x
}

#: scores, weights, thresholds
model m(d: int = 8) {
  input x: f32[B, T, d]
  input v: f32[B, d]
  router a { score = v > 0 }                   # error: CC0402 v > 0
  router b { score = v  weight = x }           # error: CC0402 x
  router c { score = v  weight = softmx }      # error: CC0201 softmx
  router e { score = v  keep = above(x) }      # error: CC0402 x
  router f { score = v  keep = top(2, of=x) }  # error: CC0402 x
  router g { score = v  keep = above(learned(0.5, from=v > 0)) }   # error: CC0402 v > 0
  router h { keep = top(2) }                   # error: CC0407 h
  mask i { score = v }                         # error: CC0408 i
  mask j { score = v  grain = neuro }          # error: CC0408 neuro
  mask k { score = v  grain = block(3) }       # error: CC0408 block(3)
  output x
}

#: the other fields
model m(d: int = 8) {
  input v: f32[B, d]
  router a { score = v  cache = lru(10) }                # error: CC0409 lru(10)
  router b { score = v  cache = exact(10) }              # error: CC0409 10
  router c { score = v  cache = fingerprint(bits=8) }    # error: CC0409 fingerprint(bits=8)
  router e { score = v  train = soft }                   # error: CC0410 soft
  router f { score = v  train = gumbel(-1) }             # error: CC0410 gumbel(-1)
  router g { score = v  fallback = all }                 # error: CC0412 all
  router h { score = v  fallback = first when none }     # error: CC0412 first when none
  router i { score = v  within = v }                     # error: CC0417 v
  router j { score = v |> linear(3) }
  router k { score = v  within = j }                     # error: CC0417 j
  output v
}

#: rules
model m(d: int = 8) {
  input v: f32[B, d]
  router a { score = v  keep = best(2) }                 # error: CC0414 best(2)
  router b { score = v  keep = top(1.5) }                # error: CC0415 1.5
  router c { score = v  keep = top(150%) }               # error: CC0415 150%
  router e { score = v  keep = above("a") }              # error: CC0415 "a"
  router f { score = v  keep = above(learned("a")) }     # error: CC0415 learned("a")
  router g { score = v  keep = top(9) }                  # error: CC0416 9
  router h { score = v  keep = top(2) |> first(10) }     # error: CC0416 10
  router i { score = v  keep = top }                     # error: CC0307 top
  router j { score = v  keep = top(2, over=S) }          # error: CC0308 S
  router k { score = v  keep = levels(a=top(1)) }        # error: CC0406 levels(a=top(1))
  router l { score = v  keep = above(learned(0.5, form=v)) }   # error: CC0204 form
  output v
}

#: masks where they are used
model m(d: int = 8) {
  input x: f32[B, T, d]
  input v: f32[B, d]
  mask heads_of { score = v  grain = head }
  mask narrow { score = v |> linear(4)  grain = neuron }
  mask live { score = v  grain = neuron }
  mask weights { score = x  grain = weight }
  mask blocks { score = x  grain = block(4, 4) }
  a = v |> linear(d, mask=v)                   # error: CC0418 v
  b = v |> linear(d, mask=heads_of)            # error: CC0418 heads_of
  c = v |> linear(d, mask=narrow)              # error: CC0419 narrow
  e = x |> linear(d, mask=weights)             # error: CC0419 weights
  f = x |> masked(narrow)                      # error: CC0419 narrow
  q = x |> heads(2)
  g = attention(q, q, q, mask=live)            # error: CC0418 live
  h = attention(q, q, q, mask="causal")        # error: CC0418 "causal"
  i = attention(q, q, q, mask=v)               # error: CC0418 v
  j = attention(x, x, x)                       # error: CC0305 attention(x, x, x)
  k = v |> linear(d, mask=blocks)              # error: CC0419 blocks
  output x
}

#: masks over pairs
model m(d: int = 8) {
  input x: f32[B, T, d]
  input y: f32[B, S, d]
  mask a { score = pairs(x, x) |> linear(1) |> squeeze(-1)  grain = pair  weight = sigmoid }   # error: CC0411 sigmoid
  mask b { score = pairs(x, x) |> linear(2)  grain = pair  keep = levels(top(1), all) }        # error: CC0413 top(1)
  mask c { score = pairs(x, x) |> linear(3)  grain = pair  keep = levels(a=top(1), b=all) }    # error: CC0403 pairs(x, x) |> linear(3)
  mask e { score = pairs(x, x) |> linear(2)  grain = block(4, 4)  keep = levels(a=top(1), b=all) }
  mask f { score = pairs(x, x) |> linear(1) |> squeeze(-1)  grain = pair  weight = softmax }
  mask g { score = pairs(x, y) |> linear(1) |> squeeze(-1)  grain = pair }
  q = x |> heads(2)
  early = e.kept                               # error: CC0405 e.kept
  h = attention(q, q, q, mask=c)
  i = attention(q, q, q, mask=e)
  j = attention(q, q, q, mask=e)               # error: CC0405 e
  k = attention(q, q, q, mask=[f, x[.., 0, 0] > 0])   # error: CC0411 attention(q, q, q, mask=[f, x[.., 0, 0] > 0])
  l = attention(q, q, q, mask=g)               # error: CC0419 g
  output x
}

#: the library tells its errors of the call
model m(d: int = 8) {
  input x: f32[B, T, d]
  input v: f32[B, d]
  chunk e[4](h) { h |> linear(d) }
  a = load_balance(v)                          # error: CC0203 v
  b = residual(v, e(v))                        # error: CC0301 residual(v, e(v))
  c = gated(x, v)                              # error: CC0305 gated(x, v)
  output x
}
