"""A body called among kept positions runs on those alone, and what it gives does not move."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chunkc.backends import torch as backend
from chunkc.backends.reference import run
from chunkc.backends.torch.counting import MacCounter
from chunkc.backends.torch.kernels.packing import pack, packed, unpacked
from chunkc.compiler.planning.packing import packs, packs_rows
from chunkc.grammar.elaborate import loads
from chunkc.passes.choose_kernels import ChooseKernels

MODEL = """
model depths(d: int = 16, h: int = 4) {{
  input x: f32[B, T, d]
  chunk block(x) {{
    n = x |> layer_norm
    q = n |> linear(d) |> heads(h) |> rope
    k = n |> linear(d) |> heads(h) |> rope
    seen = attention(q, k, n |> linear(d) |> heads(h), mask=causal) |> merge_heads |> linear(d)
    output y = {body}
  }}
  router live {{ score = x |> linear(1)  weight = sigmoid  keep = {keep} }}
  fuse y = residual(x, block(x, among=live), by=live)
  output y
}}
"""
PLAIN = "x + seen"
KEEPS = ["top(25%, over=T)", "above(0.5)", "above(2)", "all"]


def compiled(keep: str, body: str = PLAIN, kernel: str = ""):
    choose = ChooseKernels(force=kernel)
    graphs = [choose.apply(loads(MODEL.format(keep=keep, body=body), training=training)) for training in (False, True)]
    return graphs[0], backend.compile(*graphs, seed=3).double().eval()


@pytest.mark.parametrize("kernel", ["", "dense", "gather"])
@pytest.mark.parametrize("keep", KEEPS)
def test_packed_positions_give_what_the_dense_meaning_gives(keep, kernel):
    graph, module = compiled(keep, kernel=kernel)
    x = torch.randn(3, 11, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wanted = run(graph, {"x": x.numpy()}, {name: value.numpy() for name, value in module.state_dict().items()}, seed=0)
    assert np.allclose(module(x).detach().numpy(), wanted.output, atol=1e-12)


def macs(module, x):
    with MacCounter() as counter, torch.no_grad():
        module(x)
    return counter.macs


def test_dropped_positions_are_not_computed():
    x = torch.randn(2, 64, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    router = 2 * 64 * 16
    _, quarter = compiled("top(25%, over=T)")
    rows = 2 * 16
    products = rows * 16 * 16 * 4 + 2 * (2 * 16 * 16 * 16)
    assert macs(quarter, x) == router + products


def test_samples_one_behind_the_other_compute_their_own_pairs_only():
    x = torch.randn(3, 20, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    _, module = compiled("above(0.5)", kernel="gather")
    found = macs(module, x)
    each = module.decisions()["live"][..., 0].sum(1).tolist()
    assert len(set(each)) > 1
    assert found == 3 * 20 * 16 + sum(each) * 16 * 16 * 4 + sum(2 * n * n * 16 for n in each)
    parameters = [value.requires_grad_() for value in module.parameters()]
    gathered = torch.autograd.grad(module(x).square().sum(), parameters)
    _, padded = compiled("above(0.5)")
    padded.load_state_dict(module.state_dict())
    wanted = torch.autograd.grad(padded(x).square().sum(), list(padded.parameters()))
    torch.testing.assert_close(gathered, wanted)


def test_a_body_whose_positions_meet_elsewhere_is_not_packed():
    graph, module = compiled("top(25%, over=T)", body="x + cumsum(seen, T)")
    applies = [node for node in graph.nodes if node.op == "apply"]
    assert [(packs(node), packs_rows(node)) for node in applies] == [(False, False)]
    x = torch.randn(2, 9, 16, dtype=torch.float64)
    wanted = run(graph, {"x": x.numpy()}, {name: value.numpy() for name, value in module.state_dict().items()}, seed=0)
    assert np.allclose(module(x).detach().numpy(), wanted.output, atol=1e-12)


def test_places_are_kept_ones_first_in_order_and_put_back_where_they_were():
    kept = torch.tensor([[False, True, False, True], [False, False, True, False]])
    places = pack(kept)
    assert places.tolist() == [[1, 3], [2, 0]]
    x = torch.arange(8.0).reshape(2, 4)
    assert packed(x, places).tolist() == [[1, 3], [6, 4]]
    assert unpacked(packed(x, places), places, kept).tolist() == [[0, 1, 0, 3], [4, 0, 6, 0]]
