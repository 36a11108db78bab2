"""The standard library against its formulas, written out in NumPy: fuses, pools, losses and the importance of parts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chunkc
from chunkc.backends.reference import Result, run

Array = np.ndarray


def call(tmp_path: Path, text: str, inputs: dict[str, Array], *, training: bool = False) -> tuple[Result, dict[str, Array]]:
    """Run a file's model on normal parameters."""
    path = tmp_path / "model.cc"
    path.write_text(text, encoding="utf-8")
    graph = chunkc.load(path, training=training)
    params = {p.path: normal(*p.type.shape, seed=i) for i, p in enumerate(graph.parameters)}
    return run(graph, inputs, params), params


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def softmax(x: Array, axis: int = -1) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def param(params: dict[str, Array], end: str) -> Array:
    """The one parameter whose path ends so."""
    (found,) = [value for path, value in params.items() if path.endswith(end)]
    return found


A, B = normal(3, 4, seed=1), normal(3, 4, seed=2)
TWO = "model m {\n  input a: f32[B, 4]\n  input b: f32[B, 4]\n"


def test_learned(tmp_path: Path) -> None:
    result, params = call(tmp_path, TWO + "  fuse y = learned([a, b])\n  output y\n}\n", {"a": A, "b": B})
    share = softmax(param(params, "logits"))
    assert np.allclose(result.output, share[0] * A + share[1] * B)


def test_learned_by_a_router(tmp_path: Path) -> None:
    router = "  router r {\n    score = a[.., 0..2]\n    keep = top(1)\n  }\n"
    text = TWO + router + "  fuse y = learned([a, b], by=r)\n  output y\n}\n"
    result, params = call(tmp_path, text, {"a": A, "b": B})
    share, weight = softmax(param(params, "logits")), softmax(A[:, :2])
    kept = np.eye(2)[A[:, :2].argmax(-1)]
    expected = sum((share * weight * kept)[:, i, None] * x for i, x in enumerate((A, B)))
    assert np.allclose(result.output, expected)


def test_gated(tmp_path: Path) -> None:
    result, params = call(tmp_path, TWO + "  fuse y = gated(a, b)\n  output y\n}\n", {"a": A, "b": B})
    both = np.concatenate([A, B], -1)
    one, two = (
        sigmoid(both @ param(params, f"linear_{i}.weight").T + param(params, f"linear_{i}.bias")) for i in (1, 2)
    )
    assert np.allclose(result.output, one * A + two * B)


def test_gated_convex(tmp_path: Path) -> None:
    result, params = call(tmp_path, TWO + "  fuse y = gated_convex(a, b)\n  output y\n}\n", {"a": A, "b": B})
    g = sigmoid(np.concatenate([A, B], -1) @ param(params, "weight").T + param(params, "bias"))
    assert np.allclose(result.output, g * A + (1 - g) * B)


def test_self_pool(tmp_path: Path) -> None:
    text = "model m {\n  input x: f32[B, T, 8]\n  p = self_pool(x)\n  output p\n  output attention = p.attention\n}\n"
    x = normal(2, 5, 8)
    result, params = call(tmp_path, text, {"x": x})
    hidden = np.tanh(x @ param(params, "linear_1.weight").T + param(params, "linear_1.bias"))
    weight = softmax(hidden @ param(params, "linear_2.weight").T + param(params, "linear_2.bias"), axis=1)
    assert param(params, "linear_1.weight").shape == (2, 8)
    assert np.allclose(result.output, (x * weight).sum(1))
    assert np.allclose(result.outputs["attention"], weight[..., 0])


@pytest.mark.parametrize("values", ["", ", v"], ids=["keys", "values"])
@pytest.mark.parametrize("query", ["f32[B, 6]", "f32[B, T, 6]"], ids=["one", "many"])
def test_cross_pool(tmp_path: Path, query: str, values: str) -> None:
    text = f"model m {{\n  input q: {query}\n  input k: f32[B, S, 4]\n  input v: f32[B, S, 3]\n"
    text += f"  p = cross_pool(q, k{values})\n  output p\n  output attention = p.attention\n  output used = mean(v)\n}}\n"
    q, k, v = normal(2, 6) if "T" not in query else normal(2, 3, 6), normal(2, 5, 4), normal(2, 5, 3)
    result, params = call(tmp_path, text, {"q": q, "k": k, "v": v})
    asked = q[:, None] if q.ndim == 2 else q
    weight = softmax(asked @ param(params, "weight").T @ k.swapaxes(1, 2) / math.sqrt(4))
    pooled = weight @ (v if values else k)
    assert np.allclose(result.output, pooled[:, 0] if q.ndim == 2 else pooled)
    assert np.allclose(result.outputs["attention"], weight[:, 0] if q.ndim == 2 else weight)


ROUTER = "model m {\n  input s: f32[B, T, 4]\n  router r {\n    score = s\n    keep = top(2) |> first(1)\n  }\n"


def routed(tmp_path: Path, loss: str) -> tuple[float, Array]:
    score = 2 * normal(3, 5, 4)
    text = ROUTER + f"  loss l = {loss}\n  output y = r.weight\n}}\n"
    result, _ = call(tmp_path, text, {"s": score}, training=True)
    return result.losses["l"], score


def test_load_balance_counts_what_the_first_rule_kept(tmp_path: Path) -> None:
    loss, score = routed(tmp_path, "load_balance(r)")
    first = np.zeros_like(score)
    np.put_along_axis(first, np.argsort(-score, axis=-1)[..., :2], 1.0, axis=-1)
    expected = 4 * (first.mean((0, 1)) * softmax(score).mean((0, 1))).sum()
    assert math.isclose(loss, expected)


def test_z_loss(tmp_path: Path) -> None:
    loss, score = routed(tmp_path, "z_loss(r)")
    assert math.isclose(loss, (np.log(np.exp(score).sum(-1)) ** 2).mean())


def test_density(tmp_path: Path) -> None:
    loss, _ = routed(tmp_path, "density(r)")
    assert math.isclose(loss, 1 / 4)


def test_consistency(tmp_path: Path) -> None:
    text = """model m {
  input x: f32[B, 3, 2]
  input s: f32[B, 5]
  param w: f32[5, 6]
  mask live {
    score = s
    grain = neuron
    keep = above(0)
  }
  loss l = consistency(live, x)
  output y = flatten(x) |> linear(w, mask=live)
}
"""
    x, s = normal(4, 3, 2), normal(4, 5)
    result, _ = call(tmp_path, text, {"x": x, "s": s}, training=True)
    flat, kept = x.reshape(4, 6), (s > 0).astype(float)
    unit = flat / np.linalg.norm(flat, axis=-1, keepdims=True)
    alike = np.maximum(unit @ unit.T, 0)
    apart = np.abs(kept[:, None] - kept[None]).mean(-1)
    assert math.isclose(result.losses["l"], (alike * apart).sum() / alike.sum())


def importance_of(params: dict[str, Array], *parts: Array) -> Array:
    """The shared network on the size of the weights, the size of the inputs, and their product."""
    mix, seen = param(params, "mix"), np.stack(np.broadcast_arrays(*parts), -1)
    hidden = gelu(seen @ mix.T + param(params, "importance_1.bias"))
    return sigmoid(hidden @ param(params, "linear_1.weight").T + param(params, "linear_1.bias"))[..., 0]


def pooled(x: Array, rows: int, columns: int) -> Array:
    """Means of blocks of the last two axes; those at the edges are smaller."""
    starts = [range(0, n, size) for n, size in zip(x.shape[-2:], (rows, columns))]
    blocks = [[x[..., r : r + rows, c : c + columns].mean((-2, -1)) for c in starts[1]] for r in starts[0]]
    return np.moveaxis(np.array(blocks), (0, 1), (-2, -1))


@pytest.mark.parametrize("once", [False, True], ids=["sample", "batch"])
@pytest.mark.parametrize("features", [False, True], ids=["", "features"])
@pytest.mark.parametrize("grain", ["neuron", "weight", "block(3, 4)"])
def test_importance(tmp_path: Path, grain: str, features: bool, once: bool) -> None:
    given = "x |> abs |> mean(B)" if once else "x"
    more = ", features=f" if features else ""
    text = f"""model m {{
  input x: f32[B, 6]
  param f: f32[6]
  param w: f32[5, 6]
  mask live {{
    score = importance({given}, w, hidden=7{more})
    grain = {grain}
    keep = all
  }}
  output y = linear(x * f, w, mask=live)
  output s = live.score
}}
"""
    x = normal(3, 6)
    result, params = call(tmp_path, text, {"x": x})
    size, active = np.abs(params["w"]), np.abs(x).mean(0) if once else np.abs(x)
    active = active * params["f"] if features else active
    product = size * active[..., None, :]
    if grain == "weight":
        expected = importance_of(params, size, active[..., None, :], product)
    elif grain == "neuron":
        expected = importance_of(params, size.mean(-1), active.mean(-1)[..., None], product.mean(-1))
    else:
        expected = importance_of(params, pooled(size, 3, 4), pooled(active[..., None, :], 1, 4), pooled(product, 3, 4))
    assert np.allclose(result.outputs["s"], expected)


def test_importance_of_channels(tmp_path: Path) -> None:
    text = """model m {
  input x: f32[B, 2, H, W]
  param w: f32[5, 2, 3, 3]
  mask live {
    score = importance(x, w)
    grain = channel
    keep = top(40%)
  }
  output s = live.score
  output y = conv2d(x, w, mask=live)
}
"""
    x = normal(3, 2, 4, 5)
    result, params = call(tmp_path, text, {"x": x})
    size, active = np.abs(params["w"]).mean((2, 3)), np.abs(x).mean((2, 3))
    expected = importance_of(params, size.mean(-1), active.mean(-1)[:, None], (size * active[:, None]).mean(-1))
    assert np.allclose(result.outputs["s"], expected)


def null_point(params: dict[str, Array], slots: Array, present: Array, heads: int) -> Any:
    """Four pathways of one sample each: [n, d] with what is present."""
    n, d = slots.shape

    def layer(x: Array, name: str) -> Array:
        return x @ param(params, f"{name}.weight").T + param(params, f"{name}.bias")

    own = np.einsum("ni,noi->no", slots, param(params, "null_point_1.weight")) + param(params, "null_point_1.bias")
    q, k, v = (layer(own, f"{name}.linear_1").reshape(n, heads, d // heads).swapaxes(0, 1) for name in "qkv")
    logits = np.where(present, q @ k.swapaxes(1, 2) / math.sqrt(d // heads), -np.inf)
    weights = np.where(present[:, None], softmax(logits), 0.0) if present.any() else np.zeros_like(logits)
    met = layer((weights @ v).swapaxes(0, 1).reshape(n, d), "met.linear_1")
    met = np.where(present[:, None], met, 0.0)
    field = layer(gelu(layer(met.reshape(-1), "said.linear_1")), "said.linear_2")
    return field, weights


def test_null_point(tmp_path: Path) -> None:
    text = """model m {
  input x: f32[B, 3, 4]
  input s: f32[B, 3]
  router r {
    score = s
    weight = 1
    keep = above(0, of=score)
  }
  fuse field = null_point(unstack(x, 1), by=r, heads=2)
  output field
  output attention = field.attention
}
"""
    x, s = normal(4, 3, 4), normal(4, 3, seed=3)
    s[0] = -1  # a sample of which nothing is kept
    result, params = call(tmp_path, text, {"x": x, "s": s})
    for i in range(4):
        field, weights = null_point(params, np.where((s[i] > 0)[:, None], x[i], 0.0), s[i] > 0, 2)
        assert np.allclose(result.output[i], field if (s[i] > 0).any() else 0.0)
        assert np.allclose(result.outputs["attention"][i], weights)
