# The standard library: what the language can say about itself. An input without a type takes whatever it is given (a tensor, a
# bundle, a list, a selection); one that is not given is no value, which `given` tells. A call is written out in its caller before
# any pass runs.

# ---- fuses

# What was kept, each stream times its weight.
model weighted_sum {
  input streams
  input by
  output y = sum(streams, by=by)
}

# The stream beside a path around it: nothing kept leaves x.
model residual {
  input x
  input f
  input by
  output y = x + sum([f], by=by)
}

# Softmax of one parameter a stream.
model learned {
  input streams
  input by
  param logits: f32[count(streams)] = 0
  share = cast(softmax(logits), dtype(streams))
  output y = sum(stack(streams, axis=-2, by=by) * unsqueeze(share, -1), -2)
}

# Each stream through a gate of its own that sees both.
model gated {
  input a
  input b
  both = concat([a, b])
  output y = sigmoid(linear(both, size(a, -1))) * a + sigmoid(linear(both, size(b, -1))) * b
}

# One gate: a convex combination at every feature.
model gated_convex {
  input a
  input b
  g = sigmoid(linear(concat([a, b]), size(a, -1)))
  output y = g * a + (1 - g) * b
}

# Pathways meet in attention across them; what they say together is synthesised into one field.
model null_point(heads: int = 8) {
  input streams
  input by
  slots = stack(streams, axis=-2, by=by)     # [B, n, d], zero where absent
  n = count(streams)
  d = size(slots, -1)
  param weight: f32[n, d, d]
  param bias: f32[n, d]
  own = einsum(slots, weight, equation="bni,noi->bno") + bias

  q = own |> linear(d) |> heads(heads)
  k = own |> linear(d) |> heads(heads)
  v = own |> linear(d) |> heads(heads)
  self = one_hot(range(n), n) |> broadcast([size(slots, 0), heads, n, n])
  present = if given(by) { by.kept } else { ones([size(slots, 0), n], bool) }
  speaks = unsqueeze(present, -1)
  met = attention(q, k, v, mask=present) |> merge_heads |> linear(d)
  said = where(speaks, met, 0) |> flatten |> linear(2 * d) |> gelu |> linear(d)
  output field = where(any(speaks, 1), said, 0)
  output attention = where(unsqueeze(speaks, 1), attention(q, k, self, mask=present), 0)
}

# ---- pools

# A sequence as one vector, weighted by what it says of itself.
model self_pool {
  input x
  score = x |> linear(size(x, -1) / 4) |> tanh |> linear(1)
  weight = softmax(score, 1)
  output y = sum(x * weight, 1)
  output attention = squeeze(weight, -1)
}

# A sequence as one vector for each query.
model cross_pool {
  input q
  input k
  input v
  param weight: f32[size(k, -1), size(q, -1)]
  one = rank(q) == 2
  asked = if one { unsqueeze(q, 1) } else { q }
  query = asked |> linear(weight) |> heads(1)
  keys = heads(k, 1)
  values = if given(v) { heads(v, 1) } else { keys }
  pooled = attention(query, keys, values) |> merge_heads
  seen = attention_logits(query, keys) |> softmax |> squeeze(1)
  output y = if one { squeeze(pooled, 1) } else { pooled }
  output attention = if one { squeeze(seen, 1) } else { seen }
}

# ---- losses

# Switch Transformer's: ways times the product of the share each was given and the share it was wanted.
model load_balance {
  input gate
  wanted = softmax(gate.score)
  given_to = cast(gate.first, dtype(wanted))
  decisions = rank(wanted) - 1
  output loss = count(gate) * sum(mean(given_to, 0..decisions) * mean(wanted, 0..decisions))
}

# ST-MoE's: scores that stay small.
model z_loss {
  input gate
  high = stop_gradient(max(gate.score, -1, keepdims=true))
  z = log(sum(exp(gate.score - high))) + squeeze(high, -1)
  output loss = mean_all(z * z)
}

# The share that was kept.
model density {
  input m
  output share = mean_all(m.gate)
}

# Samples that are alike should keep the same: how far their decisions are apart, weighed by how alike they are. Of decisions a
# and b, |a - b| is a + b - 2ab.
model consistency {
  input m
  input x
  unit = x |> flatten |> l2_norm
  alike = relu(matmul(unit, transpose(unit, 0, 1)))
  kept = flatten(m.gate)
  share = mean(kept, -1, keepdims=true)
  parts = cast(sum(ones([size(kept, -1)])), dtype(kept))    # a value: how many there are may be known at run time only
  apart = share + transpose(share, 0, 1) - 2 * matmul(kept, transpose(kept, 0, 1)) / parts
  sample = range(size(x, 0))
  other = unsqueeze(sample, 0) != unsqueeze(sample, 1)
  output loss = mean_all(alike * where(other, apart, 0)) / mean_all(alike)
}

# ---- scores

# How much each part of a weight matters for this input: a small network, shared by all parts, sees its size, its input's size and
# their product, pooled to the grain. `grain` (and the size of a block) come from the mask whose score this is.
model importance(hidden: int = 16, grain: string = "neuron", rows: int = 1, columns: int = 1) {
  input x
  input w
  input features
  large = abs(w)
  active = abs(x)
  for i in 2..rank(w) {
    large = mean(large, -1)
    active = mean(active, -1)
  }
  driven = if given(features) { active * features } else { active }
  row = unsqueeze(driven, -2)
  if grain == "weight" {
    of_weight = large
    of_input = row
    of_both = large * row
  } else if grain == "block" {
    of_weight = pool_blocks(large, axes=[-2, -1], sizes=[rows, columns])
    of_input = pool_blocks(row, axes=[-2, -1], sizes=[1, columns])
    of_both = pool_blocks(large, axes=[-2, -1], sizes=[rows, 1]) * row
      |> pool_blocks(axes=[-2, -1], sizes=[1, columns])
  } else {
    of_weight = mean(large)
    of_input = mean(driven, -1, keepdims=true)
    of_both = linear(driven, large) / size(w, 1)
  }
  param mix: f32[hidden, 3]
  param bias: f32[hidden] = 0
  seen = unsqueeze(of_weight, -1) * mix[.., 0] + unsqueeze(of_input, -1) * mix[.., 1]
  all_seen = seen + unsqueeze(of_both, -1) * mix[.., 2] + bias
  output score = gelu(all_seen) |> linear(1) |> sigmoid |> squeeze(-1)
}

# ---- small words

# The mean of everything.
model mean_all {
  input x
  output y = mean(x, 0..rank(x))
}
