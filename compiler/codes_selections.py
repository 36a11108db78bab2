"""The wording of the codes of routers, masks and fuses, and of the warnings. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

SELECTIONS = {
    "CC0401": Code(
        "nothing to fuse",
        """A fuse joins float streams: a bundle (what an array of chunks gives) or a list, under a router named by `by=`. A
bundle is no value until a fuse has joined it.

    chunk expert[4](h) { h |> linear(d) }
    fuse y = expert(v)                  # write: fuse y = mean(expert(v))""",
    ),
    "CC0402": Code(
        "does not fit the score",
        """A score is a float tensor that ends in a router's ways or a mask's parts; a weight, a threshold and what `of=`
names have its shape, or repeat to it.

    router gate { score = v > 0 }       # write: router gate { score = v }""",
    ),
    "CC0403": Code(
        "numbers of ways and streams differ",
        """A router's score ends in one entry a stream; a list zipped over an array of chunks has one entry a chunk; with
`levels` the score of a mask ends in one entry a level.

    chunk expert[4](h) { h |> linear(d) }
    router gate { score = v |> linear(3) }              # write: router gate { score = v |> linear(4) }
    fuse y = weighted_sum(expert(v), by=gate)""",
    ),
    "CC0404": Code(
        "decisions that do not lead the value",
        """The dimensions of a score before its last say how often it decides, and the streams begin with the same ones: a
decision for each of [B] goes with streams [B, …], one for each of [B, T] with [B, T, …].

    chunk expert[4](h) { h |> linear(d) }
    router gate { score = x |> linear(4) }              # write: router gate { score = v |> linear(4) }
    fuse y = weighted_sum(expert(v), by=gate)""",
    ),
    "CC0405": Code(
        "mask that is decided elsewhere",
        """A mask with `levels` or over blocks is decided at its use, because it ranks what it is used on: its results are
known from then on, and a mask with `levels` has one use.

    mask near {
      score = pairs(x, x) |> linear(1) |> squeeze(-1)
      grain = block(4, 4)
      keep  = top(50%)
    }
    early = mean_all(near.kept |> cast(f32))            # leave out
    q = heads(x, 2)
    y = attention(q, q, q, mask=near)""",
    ),
    "CC0406": Code(
        "`levels` outside a pair mask",
        """Levels are for masks over pairs or blocks: the last dimension of their score picks the level of each part.

    router gate {
      score = v |> linear(4)
      keep  = levels(few=top(1), all=all)               # write: keep = top(1)
    }""",
    ),
    "CC0407": Code(
        "no score",
        """A router or mask decides by a score, which every other field reads.

    router gate { keep = top(2) }       # write: router gate { score = v |> linear(4)  keep = top(2) }""",
    ),
    "CC0408": Code(
        "no grain",
        """A mask says what its parts are: `neuron`, `channel`, `head`, `weight`, `pair`, or `block(rows, columns)`.

    mask live { score = abs(v) }        # write: mask live { score = abs(v)  grain = neuron }""",
    ),
    "CC0409": Code(
        "no cache",
        """Decisions are remembered by their whole input, `exact(entries=1024)`, or by a short hash of it,
`fingerprint(bits=16, entries=1024)`, which may take one input for another.

    router gate {
      score = v |> linear(4)
      cache = lru(1024)                 # write: cache = exact(entries=1024)
    }""",
    ),
    "CC0410": Code(
        "no way to train",
        """`hard` passes gradients through the weights of what was kept, `straight_through` as if keeping were smooth,
`gumbel(tau)` the same with noise, at a temperature above 0.

    router gate {
      score = v |> linear(4)
      train = soft                      # write: train = straight_through
    }""",
    ),
    "CC0411": Code(
        "weight of a pair mask",
        """Absent pairs are removed before the softmax of attention, `renormalise(softmax)`, which is the default, or
multiplied away after it, `softmax`. No other weight has a meaning there, and a mask multiplied afterwards stands alone (or
with `causal`).

    mask near {
      score  = pairs(x, x) |> linear(1) |> squeeze(-1)
      grain  = pair
      weight = sigmoid                  # write: weight = softmax
    }""",
    ),
    "CC0412": Code(
        "no fallback",
        """What is kept where the rules kept too little: `all when coverage < 0.7` (the kept share of softmax(score)), or
`last when none`.

    router gate {
      score    = v |> linear(4)
      keep     = above(0.5)
      fallback = first when none        # write: fallback = last when none
    }""",
    ),
    "CC0413": Code(
        "level without a name",
        """Each level has a name and a rule, in the order of the score's last dimension.

    mask near {
      score = pairs(x, x) |> linear(2)
      grain = pair
      keep  = levels(top(5%), all)      # write: keep = levels(coarse=top(5%), fine=all)
    }""",
    ),
    "CC0414": Code(
        "no rule of keeping",
        """`keep` is a chain of the rules `top(n)`, `first(n)`, `above(t)`, `top_p(p)` and `all`, each seeing only what the
last one kept: `top(8) |> above(0.1)`.

    router gate { score = v |> linear(4)  keep = best(2) }      # write: router gate { score = v |> linear(4)  keep = top(2) }""",
    ),
    "CC0415": Code(
        "no amount or threshold",
        """`top` and `first` keep a whole number or a share above 0 of what is ranked together (`25%`, `share(1 / n)`).
`above` and `top_p` compare with a number, `learned(0.5)`, `learned(0.5, from=x)` or a value.

    router gate { score = v |> linear(4)  keep = top(1.5) }     # write: router gate { score = v |> linear(4)  keep = top(2) }""",
    ),
    "CC0416": Code(
        "more kept than there is",
        """`top(n)` or `first(n)` asks for more than the positions ranked together.

    router gate { score = v |> linear(4)  keep = top(5) }       # write: router gate { score = v |> linear(4)  keep = top(4) }""",
    ),
    "CC0417": Code(
        "`within` that does not contain",
        """The coarser selection decides parts that the finer ones divide evenly: 3 groups contain 6 or 9 ways, a head its
pairs, a block its weights. Its decisions are as many or fewer.

    router group { score = v |> linear(3)  keep = top(1) }
    router gate { score = v |> linear(8)  within = group }  # write: router gate { score = v |> linear(9)  within = group }""",
    ),
    "CC0418": Code(
        "mask in the wrong place",
        """`mask=` takes a mask, and its grain says where it fits: neuron, channel, weight and block masks on `linear`
(channel also on convolutions), head, pair and block masks on `attention`, which takes bool values and `causal` too.

    mask live { score = abs(v)  grain = head }          # write: mask live { score = abs(v)  grain = neuron }
    y = v |> linear(d, mask=live)""",
    ),
    "CC0419": Code(
        "mask of other parts",
        """The parts that a mask decides are not those of the value it is used on. A score ends in one entry a neuron, channel
or head, in [out, in] for weights, in [T, S] for pairs; for blocks in one entry a block, or as for weights or pairs, and is
averaged.

    mask live { score = abs(v)  grain = neuron }
    y = v |> linear(16, mask=live)      # write: y = v |> linear(d, mask=live)""",
    ),
}

WARNINGS = {
    "CC0801": Code(
        "score without a gradient",
        """A score with parameters of its own decides, but nothing passes it a gradient, so it stays as it was drawn: the
weights do not depend on it, or the selection is a mask. `train = straight_through` trains the decision itself.

    chunk expert[4](h) { h |> linear(d) }
    router gate {
      score  = v |> linear(4)
      keep   = top(2)
      weight = 1                        # leave out
    }
    fuse y = weighted_sum(expert(v), by=gate)""",
    ),
    "CC0802": Code(
        "levels that cost a dense product",
        """`levels` over pairs ranks each row by the exact products of queries and keys, so all of them are computed. Over
blocks it ranks by the products of mean queries and keys, of which there are few.

    mask near {
      score = pairs(x, x) |> linear(2)
      grain = pair                      # write: grain = block(32, 32)
      keep  = levels(coarse=top(5%), fine=all)
    }
    q = heads(x, 2)
    y = attention(q, q, q, mask=near)""",
    ),
    "CC0803": Code(
        "batch norm under a router",
        """In training batch norm reads the statistics of the whole batch, also of rows that its chunk was not chosen for, so
the chunk is computed densely then. `layer_norm` and `group_norm` look at one sample at a time.

    chunk expert[4](h) { h |> batch_norm |> relu }              # write: chunk expert[4](h) { h |> layer_norm |> relu }
    router gate { score = v |> linear(4)  keep = top(2) }
    fuse y = weighted_sum(expert(v), by=gate)""",
    ),
    "CC0804": Code(
        "never used",
        """Nothing reads this name. It is computed by no one if its value is not needed; a name that begins with `_` says that
this is meant.

    z = x |> linear(d)                  # write: _z = x |> linear(d)""",
    ),
}
