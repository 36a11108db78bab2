"""Whatever kernel is forced, every spec gives what it means, in eval and in training."""

from __future__ import annotations

from functools import cache

import harness
import pytest
import torch
from cases import CASES, Case
from harness import assert_equal, graph, inputs, module, replayed, run_torch

from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.backends.torch import standalone
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph
from chunkc.passes.choose_kernels import ChooseKernels

ALONE = ("topk_neurons", "dynamic_sparsity_weight", "dynamic_sparsity_block", "translation_attention_block", "mixture_of_depths")
FORCED = ("dense", "gather", "union", "blocks", "padded", "grouped")


@cache
def told(name: str, training: bool, kernel: str) -> str:
    """The graph as text, to see whether a kernel could be forced in it."""
    (case,) = (case for case in CASES if case.name == name)
    return print_graph(graph(case, training=training, passes=kernel))


@pytest.mark.parametrize("training", [pytest.param(False, id="eval"), pytest.param(True, id="training", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_kernel_gives_what_is_meant(case: Case, training: bool) -> None:
    seen = {told(case.name, training, "none")}
    for kernel in FORCED:
        before = ["group-chunks"] if kernel == "grouped" else []
        harness.PASSES[kernel] = (*before, ChooseKernels(force=kernel))  # type: ignore[assignment]
        text = told(case.name, training, kernel)
        if text in seen or f'kernel = "{kernel}"' not in text:
            continue
        seen.add(text)
        made, given = module(case, passes=kernel).train(training), inputs(case)
        ran = run_torch(made, case, given)
        assert_equal(ran, replayed(case, given, ran, training=training), "f64")


@pytest.mark.parametrize("kernel", ["gather", "dense"])
@pytest.mark.parametrize("case", [case for case in CASES if case.spec in ALONE], ids=lambda case: case.name)
def test_a_module_of_its_own_has_what_it_calls(case: Case, kernel: str) -> None:
    harness.PASSES[kernel] = (ChooseKernels(force=kernel),)  # type: ignore[assignment, arg-type]
    made, given = module(case, passes=kernel), inputs(case)
    space: dict[str, object] = {}
    exec(compile(standalone(made.graph, made.train_graph), "alone.py", "exec"), space)
    alone = space[type(made).__name__]().double().eval()  # type: ignore[operator]
    alone.load_state_dict(made.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(alone(*given.values()), made(*given.values()))


BLOCKS = """
model blocks(d: int = 8) {
  input x: f32[B, T, d]
  mask live {
    score = pairs(x, x) |> linear(1) |> squeeze(-1)
    grain = block(2, 3)
    keep  = top(40%)
  }
  q = x |> linear(d) |> heads(2)
  output y = attention(q, q, q, mask=live) |> merge_heads
}
"""


CALLS = {"dense": "attention(", "blocks": "block_attention(", "gather": "own_block_attention("}


@pytest.mark.parametrize("kernel, calls", CALLS.items())
def test_blocks_alike_for_all_heads(kernel: str, calls: str) -> None:
    graph = ChooseKernels(force=kernel).apply(loads(BLOCKS))  # type: ignore[arg-type]
    made = lower(graph).double().eval()
    assert f" {calls}" in made.source
    x = torch.randn(2, 7, 8, dtype=torch.float64)
    params = {name: value.detach().numpy() for name, value in made.state_dict().items()}
    with torch.no_grad():
        torch.testing.assert_close(made(x), torch.from_numpy(run(graph, {"x": x.numpy()}, params).outputs["y"]))
