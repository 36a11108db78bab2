"""Whatever is missing, torch gives what the reference does: routers choose among what is there, zeros stand for the rest."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import chunkc
from chunkc.compiler.loading.places import Unloadable
from chunkc.store.adding import add
from chunkc.store.opening import Outside, values_of
from chunkc.store.store import Store

NAMES = ("a", "b", "c.0", "c.1", "c.2")
BODY = "(x) { x |> linear(8) |> gelu |> linear(4) }"
HEAD = f"""
model m {{
  input x: f32[B, 4]
  chunk a{BODY} from "w/a"
  chunk b{BODY} from extern("w/b", on_missing=WAY)
  chunk c[3]{BODY} from "w/c"
  router r {{ score = x |> linear(5)  keep = RULE }}
  memory {{ on_missing = WAY  BUDGET }}
"""
FUSED = HEAD + "  output y = weighted_sum([a(x), b(x), c[0](x), c[1](x), c[2](x)], by=r)\n}\n"
APART = HEAD + "  output y = a(x) * r.weight[.., 0..1] + b(x) + sum(c(x))\n}\n"
LOOPED = HEAD + "  h = x\n  for i in 0..3 { h = h + c[i](h) + a(h) }\n  output y = h + b(h) * r.weight[.., 0..1]\n}\n"
NESTED = HEAD + """
  router s { score = x |> linear(2)  keep = top(1) }
  fuse inner = weighted_sum([c[0](a(x)), c[1](x)], by=s)
  fuse y = weighted_sum([inner, b(x), c[2](x), a(b(x)), x], by=r)
  output y
}
"""


def spec(folder: Path, missing: tuple[str, ...], text: str, rule: str, way: str, budget: str) -> Path:
    """A spec beside a store of what is not missing."""
    store, draw = Store(folder / "chunkc-store"), torch.Generator().manual_seed(1)
    (folder / "chunkc-store").mkdir()
    shapes = {"linear_1.weight": (8, 4), "linear_1.bias": (8,), "linear_2.weight": (4, 8), "linear_2.bias": (4,)}
    made = {name: {key: torch.randn(shape, generator=draw) for key, shape in shapes.items()} for name in NAMES}
    whole = {}
    for name in NAMES:
        if name in missing:
            continue
        head, _, member = name.partition(".")
        if member:
            whole |= {f"{member}.{key}": value for key, value in made[name].items()}
        else:
            save_file(made[name], folder / "one.safetensors")
            add(store, folder / "one.safetensors", f"w/{head}", "v1")
    if whole:
        save_file(whole, folder / "c.safetensors")
        add(store, folder / "c.safetensors", "w/c", "v1")
    path = folder / "m.cc"
    path.write_text(text.replace("RULE", rule).replace("WAY", way).replace("BUDGET", budget))
    return path


CASES = st.tuples(
    st.sets(st.sampled_from(NAMES)).map(lambda names: tuple(sorted(names))),
    st.sampled_from(
        [
            "top(2)",
            "above(0.2)",
            "top(3) |> first(1)",
            "all",
            "top_p(0.6)",
            "above(0.3)  fallback = last when none",
            "above(0.3)  fallback = all when coverage < 0.7",
        ]
    ),
    st.sampled_from(["", "budget = 1200B", "budget = 75%  prefetch = 1"]),
    st.sampled_from([FUSED, APART, LOOPED, NESTED]),
)


def check(folder: Path, missing: tuple[str, ...], rule: str, budget: str, text: str) -> None:
    path = spec(folder, missing, text, rule, "skip" if text in (FUSED, NESTED) else "zero", budget)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        module = chunkc.compile(path, seed=5).eval()
        x = np.random.default_rng(2).standard_normal((9, 4)).astype(np.float32)
        with torch.no_grad():
            y = module(torch.from_numpy(x))
    graph = chunkc.load(path)
    fresh = chunkc.compile(path, seed=5, passes=()).state_dict()
    own = {name: value.numpy() for name, value in fresh.items() if not value.is_meta}
    values = {**own, **values_of(graph, Outside().versions(graph, path))}
    for name in missing:  # whatever they are, they are not read
        values |= {p.path: np.full(p.type.shape, np.nan) for p in graph.parameters if p.path.startswith(f"{name}.")}
    kept = {name: value.numpy() for name, value in module.decisions().items() if name == "r"}
    expected = chunkc.reference(graph, {"x": x}, values, missing=missing, decisions=kept)
    np.testing.assert_allclose(y.numpy(), expected.output, rtol=2e-4, atol=2e-5)
    assert all(item.relative < 1e-4 for item in expected.disagreements)
    assert set(module.missing()) == set(missing)


@pytest.mark.parametrize(
    "case",
    [(("b", "c.1"), "top(2)", "budget = 1KiB", FUSED), (("a", "c.0"), "top(2)", "", APART), (NAMES, "all", "", FUSED)],
    ids=["skip", "zero", "all"],
)
def test_torch_does_without_what_is_missing(case, tmp_path):
    check(tmp_path, *case)


INSIDE = """
model m {{
  input x: f32[B, 4]
  chunk outer(x) {{
    chunk inner(h) {{ h |> linear(4) }} from extern("w/inner", on_missing=zero)
    output z = (x |> linear(4)) + inner(x)
  }} {outer}
  memory {{ {budget} }}
  output y = outer(x)
}}
"""


@pytest.mark.parametrize(
    "budget, outer, when",
    [
        ("budget = 100%", "", "later"),
        ("budget = 100%", 'from extern("w/outer", on_missing=zero)', "before"),
        pytest.param("budget = 100%", 'from extern("w/outer", on_missing=zero)', "later", marks=pytest.mark.slow),
        pytest.param("", 'from extern("w/outer", on_missing=zero)', "before", marks=pytest.mark.slow),
    ],
)
def test_a_chunk_inside_of_another_is_missing_alone(budget, outer, when, tmp_path):
    """What comes and goes with it is loaded without it, and with it when it is there again."""
    store, draw = Store(tmp_path / "chunkc-store"), torch.Generator().manual_seed(1)
    made = {name: {"weight": torch.randn(4, 4, generator=draw), "bias": torch.zeros(4)} for name in ("inner", "outer")}

    def put(name: str, label: str) -> None:
        save_file({f"{label}.{key}": value for key, value in made[name].items()}, tmp_path / "one.safetensors")
        add(store, tmp_path / "one.safetensors", f"w/{name}", "v1")

    put("outer", "z.linear_1")
    if when == "later":
        put("inner", "linear_1")
    (tmp_path / "m.cc").write_text(INSIDE.format(budget=budget, outer=outer))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        module = chunkc.compile(tmp_path / "m.cc").eval()
    if when == "later":
        Path(store.version("w/inner", "v1").blobs[0].path).unlink()
    own = made["outer"] if outer else {name: module.state_dict()[f"outer.z.linear_1.{name}"] for name in ("weight", "bias")}
    x = torch.randn(3, 4, generator=draw)
    rest = torch.nn.functional.linear(x, own["weight"], own["bias"])
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(2):
            torch.testing.assert_close(module(x), rest)
            assert list(module.missing()) == ["outer.inner"]
        put("inner", "linear_1")
        torch.testing.assert_close(module(x), rest + x @ made["inner"]["weight"].T)
        assert not module.missing()


def test_a_replayed_decision_for_what_is_missing_gives_no_number(tmp_path):
    path = spec(tmp_path, ("b",), FUSED, "top(2)", "skip", "")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        module, x = chunkc.compile(path, seed=5).eval(), torch.randn(3, 4)
        assert module(x).isfinite().all()
        with module.replay({"r": torch.tensor([True, True, False, False, False]).expand(3, 5)}):
            assert module(x).isnan().all()


def test_training_needs_all_of_them(tmp_path):
    path = spec(tmp_path, ("b", "c.1"), FUSED, "top(2)", "skip", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        module = chunkc.compile(path)
    x = torch.randn(3, 4)
    with pytest.raises(Unloadable, match="`b` cannot be loaded"):
        module.train()(x)
    with torch.no_grad():
        assert module.eval()(x).shape == (3, 4), "calls in eval still do without"


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=CASES)
def test_torch_agrees_with_the_reference_whatever_is_missing(case, tmp_path_factory):
    check(tmp_path_factory.mktemp("case"), *case)
