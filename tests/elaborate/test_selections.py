"""Routers, masks and fuses in the graph: slots, rules, groups, what waits for its use, and what training adds."""

from __future__ import annotations

import pytest
from elaborated import graph_of, only, ops, parameters, shape_of

from chunkc.compiler.ir import Graph, Node
from chunkc.compiler.selection import Rule, Share

FOUR = "chunk e[4](h) { h |> linear(d) }\n"


def select(fields: str, score: str = "v |> linear(4)", *, training: bool = False, uses: str = "") -> Node:
    body = f"{FOUR}{uses}\nrouter g {{\nscore = {score}\n{fields}\n}}\ny = weighted_sum(e({score.split()[0]}), by=g)"
    return next(node for node in graph_of(body, training=training).nodes if node.op == "select" and node.attrs["path"] == "g")


def slots(node: Node) -> dict[str, Node]:
    return dict(zip(node.attrs["slots"], node.operands))


@pytest.mark.parametrize(
    ("keep", "rules"),
    [
        ("", (Rule("all"),)),
        ("keep = all", (Rule("all"),)),
        ("keep = top(2)", (Rule("top", amount=2),)),
        ("keep = top(25%)", (Rule("top", amount=Share(0.25)),)),
        ("keep = top(share(1 / 3))", (Rule("top", amount=Share(1 / 3)),)),
        ("keep = above(0.5)", (Rule("above", limit=0.5, of="weight"),)),
        ("keep = above(0.5, of=score)", (Rule("above", limit=0.5, of="score"),)),
        ("keep = top_p(90%)", (Rule("top_p", limit=0.9, of="weight"),)),
        ("keep = top(3) |> above(0.1) |> first(1)", (
            Rule("top", amount=3), Rule("above", limit=0.1, of="weight"), Rule("first", amount=1))),
        ("keep = top(1, of=weight)", (Rule("top", amount=1, of="weight"),)),
        ("keep = top(1, of=sigmoid(score))", (Rule("top", amount=1, of="of.0"),)),
        ("keep = first(2, over=B)", (Rule("first", over=(-2,), amount=2),)),
        ("keep = if training { top(1) } else { all }", (Rule("all"),)),
        ("keep = if 1 > 2 { all } else if true { top(3) } else { all }", (Rule("top", amount=3),)),
    ],
)  # fmt: skip
def test_rules(keep: str, rules: tuple[Rule, ...]) -> None:
    assert select(keep).attrs["rules"] == rules


def test_training_is_known_at_compile_time() -> None:
    keep = "keep = if training { top(12.5%, over=B) } else { above(0.5, of=sigmoid(score)) }"
    assert select(keep, training=True).attrs["rules"] == (Rule("top", over=(-2,), amount=Share(0.125)),)
    assert select(keep).attrs["rules"] == (Rule("above", limit=0.5, of="of.0"),)


def test_the_weight_of_a_router() -> None:
    assert slots(select(""))["weight"].op == "softmax"
    single = graph_of("chunk e[1](h) { h }\nrouter g { score = v |> linear(1) }\ny = weighted_sum(e(v), by=g)")
    assert slots(only(single, "select"))["weight"].op == "sigmoid"
    assert slots(select("weight = sigmoid"))["weight"].op == "sigmoid"
    assert slots(select("weight = score * 2"))["weight"].op == "mul"
    assert slots(select("weight = 1"))["weight"].op == "broadcast"
    renormalised = select("weight = renormalise(softmax)")
    assert renormalised.attrs["renormalise"] and slots(renormalised)["weight"].op == "softmax"


def test_of_a_renormalised_weight_reads_the_weight_before() -> None:
    node = select("weight = renormalise(softmax)\nkeep = above(0.1)")
    assert node.attrs["rules"] == (Rule("above", limit=0.1, of="weight"),)


def test_a_learned_threshold_is_a_parameter() -> None:
    body = FOUR + "router g { score = v |> linear(4)  keep = above(learned(0.3))  train = straight_through }\n"
    graph = graph_of(body + "y = weighted_sum(e(v), by=g)")
    assert {p.path: p.init for p in graph.parameters if "learned" in p.path} == {"g.learned_1": ("constant", 0.3)}
    assert slots(only(graph, "select"))["threshold.0"].op == "param"


def test_an_adaptive_threshold_starts_at_its_number() -> None:
    body = FOUR + "router g { score = v |> linear(4)  keep = above(learned(0.3, from=v)) }\ny = weighted_sum(e(v), by=g)"
    graph = graph_of(body)
    inits = {p.path: (str(p.type), p.init) for p in graph.parameters if "learned" in p.path}
    zero = ("constant", 0.0)
    assert inits == {"g.learned_1.weight": ("f32[1, 8]", zero), "g.learned_1.bias": ("f32[1]", zero)}
    threshold = slots(only(graph, "select"))["threshold.0"]
    assert (threshold.op, str(threshold.type)) == ("add", "f32[B, 1]")


def test_a_threshold_may_be_any_value_that_repeats_to_the_score() -> None:
    for threshold in ("limit", "mean(v)", "sigmoid(v |> linear(4))"):
        assert "threshold.0" in slots(select(f"keep = above({threshold})", uses="param limit: f32[4] = 0.5"))


def test_fallbacks() -> None:
    last = select("keep = above(0.9)\nfallback = last when none")
    assert last.attrs["fallback"] == ("last",)
    coverage = select("keep = above(0.25)\nfallback = all when coverage < 70%")
    assert coverage.attrs["fallback"] == ("all", 0.7) and slots(coverage)["coverage"].op == "softmax"


def test_caches_are_carried() -> None:
    assert select("cache = exact(entries=4)").attrs["cache"] == ("exact", 4)
    assert select("cache = fingerprint(bits=16, entries=64)").attrs["cache"] == ("fingerprint", 16, 64)


def test_a_score_below_f32_is_cast_and_the_fuse_is_not() -> None:
    graph = graph_of(
        "chunk e[4](h) { h |> relu }\nrouter g { score = z |> linear(4) }\ny = weighted_sum(e(z), by=g)",
        inputs="input z: bf16[B, 8]",
    )
    assert str(only(graph, "select").type) == "selection(bool[B, 4], f32[B, 4])"
    assert str(graph.outputs[0][1].type) == "bf16[B, 8]"


# ---- training


def test_straight_through_is_there_in_training_only() -> None:
    for training in (False, True):
        node = select("keep = top(1)\ntrain = straight_through", training=training)
        assert node.attrs["train"] == ("straight_through" if training else "hard")


def test_gumbel_draws_in_training_only() -> None:
    def draws(training: bool) -> list[Node]:
        body = FOUR + "router g { score = v |> linear(4)  keep = top(1)  train = gumbel(0.5) }\ny = weighted_sum(e(v), by=g)"
        return [node for node in graph_of(body, training=training).nodes if node.op == "uniform"]

    assert draws(False) == []
    assert [node.attrs["path"] for node in draws(True)] == ["g.gumbel"]
    assert select("keep = top(1)\ntrain = gumbel(0.5)", training=True).attrs["train"] == "straight_through"


def test_losses_are_there_in_training_and_summed_over_a_for() -> None:
    body = """
        h = v
        for i in 0..2 {
          chunk e[3](h) { h |> linear(d) }
          router g { score = h |> linear(3)  keep = top(1) }
          loss balance = 0.01 * load_balance(g)
          h = weighted_sum(e(h), by=g)
        }
        loss small = mean_all(h * h)
        y = h
        """
    assert graph_of(body).losses == ()
    assert [name for name, _ in graph_of(body, training=True).losses] == ["balance.0", "balance.1", "small"]


def test_dropout_and_jitter_are_for_training() -> None:
    body = "y = v |> dropout(10%) |> jitter(0.01) |> dropout(0)"
    assert ops(graph_of(body)) == []
    drawn = [node.attrs["path"] for node in graph_of(body, training=True).nodes if node.op == "uniform"]
    assert drawn == ["y.dropout_1", "y.jitter_1"]


# ---- states


def test_next_takes_effect_for_eval_and_training() -> None:
    body = """
        state bias: f32[4] = 0
        router g { score = v |> linear(4)  keep = top(2, of=sigmoid(score) + bias) }
        next bias = bias + 0.001 * sign(mean(g.load) - g.load)
        y = g.weight
        """
    for training in (False, True):
        graph = graph_of(body, training=training)
        ((state, value),) = graph.nexts
        assert (state.op, state.attrs["path"], str(value.type)) == ("state", "bias", "f32[4]")
    assert parameters(graph, "state") == {"bias": "f32[4]"}


def test_batch_norm_moves_its_statistics_in_training() -> None:
    body = "y = v |> batch_norm"
    assert ops(graph_of(body)) == ["state", "state", "batch_norm"] and graph_of(body).nexts == ()
    graph = graph_of(body, training=True)
    assert [state.attrs["path"] for state, _ in graph.nexts] == ["y.batch_norm_1.running_mean", "y.batch_norm_1.running_var"]
    assert set(parameters(graph, "state")) == {"y.batch_norm_1.running_mean", "y.batch_norm_1.running_var"}


def test_frozen_params() -> None:
    graph = graph_of("param w: f32[8, 8] = normal(0.02) frozen\nparam b: f32[8] = 1\nparam u: f32[4, 8]\ny = linear(v, w) + b")
    assert {p.path: (p.kind, p.init) for p in graph.parameters} == {
        "w": ("frozen", ("normal", 0.02)),
        "b": ("param", ("constant", 1.0)),
        "u": ("param", ("uniform", 8**-0.5)),
    }
    assert [node.attrs["frozen"] for node in graph.nodes if node.op == "param"] == [True, False]


# ---- within


def allowed(graph: Graph, path: str) -> Node:
    node = next(node for node in graph.nodes if node.op == "select" and node.attrs["path"] == path)
    return slots(node)["allowed"]


def test_a_coarse_way_contains_a_run_of_finer_ones() -> None:
    body = """
        router group { score = v |> linear(2)  keep = top(1) }
        router g { score = v |> linear(6)  keep = top(2)  within = group }
        y = g.weight
        """
    node = allowed(graph_of(body), "g")
    assert (node.op, node.attrs["n"], str(node.type)) == ("repeat", 3, "bool[B, 6]")


def test_within_not_another() -> None:
    body = """
        router first { score = v |> linear(2)  keep = above(0.9) }
        router second { score = v |> linear(5)  within = not first }
        y = second.weight
        """
    node = allowed(graph_of(body), "second")
    assert str(node.type) == "bool[B, 5]" and {"any", "not"} <= set(ops(graph_of(body)))


def test_a_coarser_decision_holds_for_all_positions() -> None:
    body = "router a { score = v |> linear(4)  keep = top(2) }\nrouter b { score = x |> linear(4)  within = a }\ny = b.weight"
    assert str(allowed(graph_of(body), "b").type) == "bool[B, T, 4]"


def test_hierarchical_masks_pass_their_gate_in_training() -> None:
    body = """
        mask coarse { score = v |> linear(2)  grain = neuron  keep = top(1)  train = straight_through }
        mask fine { score = v |> linear(8)  grain = neuron  keep = top(50%)  within = coarse  train = straight_through }
        y = v |> linear(8, mask=fine)
        """
    node = next(n for n in graph_of(body, training=True).nodes if n.op == "select" and n.attrs["path"] == "fine")
    assert {"allowed", "allowed_gate"} <= set(node.attrs["slots"])


# ---- masks


def test_each_grain_where_it_is_used() -> None:
    neuron = graph_of("mask m { score = v  grain = neuron  keep = top(2) }\ny = v |> linear(8, mask=m)")
    assert [str(x.type) for x in only(neuron, "masked").operands] == ["f32[B, 8]", "bool[B, 8]"]
    channel = graph_of(
        "mask m { score = image |> mean(H, W) |> linear(4)  grain = channel  keep = top(2) }\ny = image |> conv2d(4, 3, mask=m)",
        inputs="input image: f32[B, 3, H, W]",
    )
    assert [str(x.type) for x in only(channel, "masked").operands][1] == "bool[B, 4, 1, 1]"
    weight = graph_of("param s: f32[4, 8]\nmask m { score = s  grain = weight  keep = top(25%) }\ny = v |> linear(4, mask=m)")
    assert [node.op for node in only(weight, "masked").operands] == ["param", "field"]
    assert only(weight, "select").attrs["rules"][0].over == (-2, -1)
    head = graph_of("q = heads(x, 2)\nmask m { score = v |> linear(2)  grain = head }\ny = attention(q, q, q, mask=m)")
    assert [str(x.type) for x in only(head, "masked").operands] == ["f32[B, 2, T, 4]", "bool[B, 2, 1, 1]"]


def test_a_weight_of_its_own_for_each_sample() -> None:
    body = "mask m { score = importance(v, w)  grain = weight  keep = top(25%) }\ny = v |> linear(w, mask=m)"
    graph = graph_of("param w: f32[4, 8]\n" + body)
    assert only(graph, "select").selection.kept.rank == 3
    assert "einsum" in ops(graph) and str(graph.outputs[0][1].type) == "f32[B, 4]"


def test_blocks_are_decided_at_their_use() -> None:
    body = "param s: f32[10, 8]\nmask m { score = s  grain = block(4, 4)  keep = top(50%) }\n"
    graph = graph_of(body + "y = v |> linear(10, mask=m)")
    assert str(only(graph, "pool_blocks").type) == "f32[3, 2]" and str(only(graph, "expand_blocks").type) == "bool[10, 8]"
    coarse = graph_of("param s: f32[3, 2]\nmask m { score = s  grain = block(4, 4) }\ny = v |> linear(10, mask=m)")
    assert "pool_blocks" not in ops(coarse)


def test_a_loss_may_stand_before_the_use_that_decides_its_mask() -> None:
    body = """
        mask near {
          score = pairs(x, x) |> linear(2)
          keep = levels(few=top(25%), all=all)
          grain = pair
          train = straight_through
        }
        loss sparsity = density(near)
        q = heads(x, 2)
        y = attention(q, q, q, mask=near)
        """
    graph = graph_of(body, training=True)
    assert [name for name, _ in graph.losses] == ["sparsity"]


def test_levels_rank_what_attention_would_see() -> None:
    body = """
        mask near { score = pairs(x, x) |> linear(2)  keep = levels(few=top(25%), all=all)  grain = pair }
        q = heads(x, 2)
        y = attention(q, q, q, mask=[near, causal])
        """
    node = only(graph_of(body), "select")
    assert node.attrs["levels"] == ("few", "all") and node.attrs["rules"] == (Rule("top", amount=Share(0.25)), Rule("all"))
    assert slots(node)["score"].op == "attention_logits"
    assert {name: str(x.type) for name, x in slots(node).items()} == {
        "score": "f32[B, 2, T, T]",
        "level": "f32[B, 2, T, T, 2]",
        "allowed": "bool[B, 2, T, T]",
    }


def test_block_levels_rank_pooled_blocks() -> None:
    body = """
        mask near { score = pairs(x, x) |> linear(2)  keep = levels(few=top(25%), all=all)  grain = block(4, 2) }
        q = heads(x, 2)
        y = attention(q, q, q, mask=near)
        """
    assert str(slots(only(graph_of(body), "select"))["score"].type) == "f32[B, 2, ceil(T / 4), ceil(T / 2)]"


@pytest.mark.parametrize(("weight", "after"), [("", False), ("weight = renormalise(softmax)", False), ("weight = softmax", True)])
def test_the_weight_of_a_pair_mask_says_when_it_is_absent(weight: str, after: bool) -> None:
    body = f"mask m {{ score = pairs(x, x) |> linear(1) |> squeeze(-1)  grain = pair  {weight} }}\nq = heads(x, 2)\n"
    assert only(graph_of(body + "y = attention(q, q, q, mask=m)"), "attention").attrs["after"] is after


def test_attention_takes_bools_and_lists() -> None:
    body = "q = heads(x, 2)\nlive = t > 0\ny = attention(q, q, q, mask=[causal, live, live])"
    node = only(graph_of(body), "attention")
    assert node.attrs["causal"] and str(slots(node)["mask"].type) == "bool[B, 1, 1, T]"


# ---- fuses


def test_fuses_expand_into_four() -> None:
    for call, kinds in {
        "weighted_sum(e(v), by=g)": ["sum"],
        "mean(e(v), by=g)": ["mean"],
        "concat(e(v), by=g)": ["concat"],
        "stack(e(v), by=g)": ["stack"],
        "learned(e(v), by=g)": ["stack"],
        "learned(e(v))": [],
        "sum(e(v))": ["sum"],
        "mean(e(v))": ["mean"],
    }.items():
        graph = graph_of(f"{FOUR}router g {{ score = v |> linear(4)  keep = top(2) }}\ny = {call} |> sum")
        assert [node.attrs["kind"] for node in graph.nodes if node.op == "fuse"] == kinds


def test_residual_takes_one_way() -> None:
    body = "chunk e(h) { h |> linear(d) }\nrouter g { score = v |> linear(1)  keep = above(0.5) }\ny = residual(v, e(v), by=g)"
    fuse = only(graph_of(body), "fuse")
    assert fuse.attrs["by"] and len(fuse.operands) == 2


def test_a_fuse_of_a_list_and_of_a_zip() -> None:
    graph = graph_of(f"{FOUR}router g {{ score = v |> linear(2) }}\ny = weighted_sum([v, relu(v)], by=g)")
    assert len(only(graph, "fuse").operands) == 3
    zipped = graph_of(f"{FOUR}y = mean(e([v, v + 1, v + 2, v + 3]))")
    assert only(zipped, "apply").attrs["zipped"] and len(only(zipped, "apply").operands) == 4


def test_a_null_point_gives_a_field_and_an_attention() -> None:
    body = "chunk e[3](h) { h |> linear(d) }\nrouter g { score = v |> linear(3)  keep = top(2) }\n"
    graph = graph_of(body + "f = null_point(e(v), by=g, heads=2)\noutput f\noutput a = f.attention")
    assert {name: str(x.type) for name, x in graph.outputs} == {"f": "f32[B, 8]", "a": "f32[B, 2, 3, 3]"}


def test_among_gives_kept_positions_and_where_they_stand() -> None:
    body = """
        chunk block(h) {
          q = heads(h, 2) |> rope
          output y = h + (attention(q, q, q, mask=causal) |> merge_heads)
        }
        router live { score = x |> linear(1)  keep = above(0.5) }
        y = residual(x, block(x, among=live), by=live)
        """
    apply = only(graph_of(body), "apply")
    assert apply.attrs["among"] and [str(x.type) for x in apply.operands[1:]] == ["bool[B, T]", "i64[B, T]"]
    inner = only(apply.attrs["body"], "attention")
    assert inner.attrs["slots"] == ("q", "k", "v", "mask", "q_position", "k_position")
    assert "position" in only_rope(apply.attrs["body"]).attrs["slots"]


def only_rope(graph: Graph) -> Node:
    return next(node for node in graph.nodes if node.op == "rope")


def test_results_of_a_selection() -> None:
    types = {
        "score": "f32[B, 4]",
        "weight": "f32[B, 4]",
        "kept": "bool[B, 4]",
        "load": "f32[4]",
        "first": "bool[B, 4]",
        "gate": "f32[B, 4]",
    }
    for field, type in types.items():
        assert shape_of(f"router g {{ score = v |> linear(4)  keep = top(2) }}\ny = g.{field}") == type
