"""Passes on every spec: alone, in every prefix of -O2 and in random orders, nothing that a user sees moves.

The reference runs what passes made of a graph, replaying the decisions of the graph as it was written: this is cheap, and a pass
may round otherwise. The torch module of it is held to the reference of the graph as it was written, in three parts.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case
from harness import assert_equal, close, graph, inputs, module, numbers, run_reference, run_torch, state, whole_keys
from orders import alone, prefixes, shuffled, varied

from chunkc.backends.reference import run
from chunkc.compiler.equality import difference
from chunkc.compiler.ir import Graph
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph
from chunkc.passes import pipeline
from chunkc.passes.manager import Step

ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
MODES = pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
SEED = 5


BY_NAME = {case.name: case for case in CASES}


@cache
def settled(name: str) -> dict[str, np.ndarray]:
    """The parameters of a case, by its name."""
    return state(module(BY_NAME[name]))


@cache
def expected(name: str, training: bool) -> Any:
    case = BY_NAME[name]
    return run_reference(case, inputs(case), settled(name), training=training, seed=SEED)


@MODES
@ALL
def test_the_meaning_stays(case: Case, training: bool) -> None:
    raw = graph(case, training=training)
    seen = {print_graph(raw)}
    for names in (*alone(), *prefixes()):
        after = pipeline.run(raw, names)
        text = print_graph(after)
        if text not in seen:
            seen.add(text)
            holds(case, raw, after, text, " ".join(names))


def holds(case: Case, raw: Graph, after: Graph, text: str, names: str) -> None:
    """Prints and reads back equal, keeps the tables, and gives the same values, losses and states under the same decisions."""
    assert difference(after, loads(text)) is None, names
    assert (after.parameters, after.chunks, after.memory) == (raw.parameters, raw.chunks, raw.memory), names
    arrays = {name: numbers(value) for name, value in inputs(case).items()}
    before = expected(case.name, raw.training)
    found = run(after, arrays, settled(case.name), seed=SEED, decisions=before.decisions)
    assert not found.unused, f"{names}: decisions that are not taken any more: {found.unused}"
    assert set(found.decisions) == set(before.decisions), names
    for kind in ("outputs", "losses", "nexts"):
        first, second = getattr(before, kind), getattr(found, kind)
        assert list(first) == list(second), f"{names}: {kind}"
        for name in first:
            close(np.asarray(second[name]), np.asarray(first[name]), "f64", f"{names}: {name}")


def compiled(case: Case, names: tuple[str, ...]) -> Any:
    """The torch module after some passes, in eval, with the weights of the module without them."""
    return lowered(case, *(pipeline.run(whole_keys(graph(case, training=mode)), names) for mode in (False, True)))


def lowered(case: Case, eval_graph: Graph, train_graph: Graph) -> Any:
    """The torch module of two graphs of a case, in eval, with the weights of the module as it was written."""
    from chunkc.backends.torch import compile as lower

    made = lower(eval_graph, train_graph).to(torch.float64).eval()
    made.load_state_dict({name: torch.tensor(value) for name, value in settled(case.name).items()})
    return made


def reads_back(step: Step) -> None:
    """What a pass changed prints as text that reads back equal."""
    if step.changed:
        assert difference(step.after, loads(print_graph(step.after))) is None, step.name


def agrees(case: Case, raw: Graph, names: tuple[str, ...], seed: int = 0) -> None:
    """Torch after some passes, against the reference of the graph as it was written."""
    after = pipeline.run(whole_keys(raw), names, on_pass=reads_back)
    made = lowered(case, after, after)
    for _ in range(2):  # the second call has what the first remembers
        given = inputs(case, seed=seed)
        with torch.no_grad():
            ran = run_torch(made, case, given)
        arrays = {name: numbers(value) for name, value in given.items()}
        assert_equal(ran, run(raw, arrays, ran.before, decisions=ran.decisions, seed=ran.seed), "f64")


@pytest.mark.slow
@ALL
def test_torch_equals_the_reference_after_each_pass_and_prefix(case: Case) -> None:
    raw = graph(case)
    seen = {print_graph(raw)}
    for names in (*alone(), *prefixes()):
        text = print_graph(pipeline.run(raw, names))
        if text not in seen:
            seen.add(text)
            agrees(case, raw, names)


@pytest.mark.parametrize("seed", range(200))
def test_any_order(seed: int) -> None:
    """The order, the spec, its sizes and what its rules keep are drawn: all to one way, nothing, all, another k or threshold."""
    draw = random.Random(seed)
    case = CASES[seed % len(CASES)]
    dims = {name: draw.choice([size, size + 1]) if name in ("B", "T", "S") else size for name, size in case.dims.items()}
    agrees(replace(case, dims=dims), varied(graph(case), draw), shuffled(seed), seed)


@pytest.mark.parametrize("level", ["O1", "O2"])
@ALL
def test_the_state_dict_is_that_of_no_passes(case: Case, level: str) -> None:
    """Keys in order, shapes, kinds; and a parameter stays the object it is through training and eval."""
    plain, made = module(case), compiled(case, (level,))
    before = dict(made.named_parameters())
    given = inputs(case)
    with torch.no_grad():
        made(*given.values())
    made.train()
    made(*given.values())
    made.eval()
    shapes = [[(name, value.shape, value.dtype) for name, value in one.state_dict().items()] for one in (plain, made)]
    assert shapes[0] == shapes[1]
    assert [name for name, _ in plain.named_parameters()] == list(before)
    assert all(value is before[name] for name, value in made.named_parameters())


FEW = ("moe", "deepseek_moe", "dynamic_sparsity", "topk_neurons", "active_layers", "translation_attention", "nine_ways", "gpt")


@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=() if one.name in FEW else pytest.mark.slow, id=one.name) for one in CASES]
)
def test_three_steps_of_training_end_where_they_do_without_passes(case: Case) -> None:
    """Eval, three steps of SGD, eval: the same numbers, whatever was derived from the parameters in between."""
    ends = []
    for made in (compiled(case, ()), compiled(case, ("O2",))):
        ends.append(trained(case, made))
    for name, value in ends[0].items():
        close(ends[1][name], value, "f64", name)


def trained(case: Case, made: Any) -> dict[str, np.ndarray]:
    """The outputs in eval before and after, and the parameters."""
    found: dict[str, np.ndarray] = {}
    optimizer = torch.optim.SGD([value for value in made.parameters() if value.requires_grad], lr=1e-3)
    names = made.output_names
    for step in range(4):
        with torch.no_grad():
            outputs = made.eval()(*inputs(case, seed=9).values(), outputs=names)
        found |= {f"{name} after {step} steps": numbers(value) for name, value in outputs.items()}
        values = made.train()(*inputs(case, seed=step).values(), outputs=names)
        loss = sum((value.float() ** 2).mean() for value in values.values() if value.is_floating_point())
        loss = loss + sum(made.losses().values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return found | {name: numbers(value) for name, value in made.named_parameters()}
