"""One module of a random graph in many hands: several threads, copies, and state dicts that come back."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from both_backends import call, examples, for_all, module, tensors
from graphs import graphs, values
from hypothesis import strategies as st

from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Graph

SEEDS = st.integers(0, 999)


def stateless(graph: Graph) -> bool:
    """Whether calls leave nothing for the next."""
    return all(entry.kind != "state" for entry in graph.parameters)


@examples(quick=3, long=100)
def test_threads_get_what_one_would(count: int) -> None:
    """In eval; each thread has its own inputs, and reads what the last call left without harm."""

    def holds(graph: Graph, seed: int) -> None:
        params = values(graph, seed)[1]
        made = module(graph, params).eval()
        names = [name for name, _ in graph.outputs]
        given = [tensors(values(graph, seed + i)[0], "f64") for i in range(4)]

        def work(i: int) -> dict[str, torch.Tensor]:
            with torch.no_grad():
                found = made(**given[i % 4], outputs=names)
            made.stats()
            made.decisions()
            return found

        alone = [work(i) for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(work, range(16)))
        for i, found in enumerate(together):
            for name in names:
                assert torch.equal(found[name], alone[i % 4][name]) or found[name].isnan().any()

    for_all(count, holds, graph=graphs(training=False, smooth=True, steps=10).filter(stateless), seed=SEEDS)


@examples(quick=3, long=200)
def test_copies_and_state_dicts_come_back(count: int) -> None:
    """A copy gives the same and has weights of its own; a module made anew gives the same once it has the weights."""

    def holds(graph: Graph, seed: int) -> None:
        inputs, params = values(graph, seed)
        made = module(graph, params)
        assert list(made.state_dict()) and set(made.state_dict()) == {p.path for p in graph.parameters} or not graph.parameters
        twin = copy.deepcopy(made)
        other = lower(graph, seed=1).to(torch.float64).train(graph.training)
        other.load_state_dict({name: value.clone() for name, value in made.state_dict().items()}, assign=bool(seed % 2))
        other.seed = made.seed
        with torch.no_grad():
            first = call(made, graph, inputs)
            before = {name: value.clone() for name, value in made.state_dict().items()}
            for again in (call(twin, graph, inputs), call(other, graph, inputs)):
                assert list(again.outputs) == list(first.outputs)
                for name, value in first.outputs.items():
                    np.testing.assert_array_equal(again.outputs[name], value)
                for name, value in first.states.items():
                    np.testing.assert_array_equal(again.states[name], value)
            for value in twin.state_dict().values():
                value.fill_(9)
        for name, value in made.state_dict().items():
            assert torch.equal(value, before[name])

    for_all(count, holds, graph=graphs(smooth=True, steps=10), seed=SEEDS)
