"""Every spec under `specialize`, with profiles that are wrong on purpose: a guess about routes never changes what comes out.

A profile is made of one call, or turned around so that the ways that were kept most are those it calls cold. Then other inputs
are run, and compared with the reference of the graph as it was written in the three-part sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from cases import CASES, Case
from harness import assert_equal, graph, inputs, module, run_reference, run_torch, state

from chunkc.backends.torch import compile as lower
from chunkc.compiler.bodies import body_order
from chunkc.compiler.profile import Activity, KeptSet, Profile
from chunkc.compiler.profile_recording import Recorder
from chunkc.passes import pipeline
from chunkc.passes.specialize import Specialize


def recorded(case: Case, params: Any) -> Profile:
    """What the selections of a case keep in one call, as the reference decides."""
    recorder = Recorder(graph(case))
    result = run_reference(case, inputs(case, seed=1), params)
    recorder.add(result.decisions, case.dims)
    return recorder.profile()


def turned(one: Activity) -> Activity:
    """The opposite: ways that were kept are cold, and whole calls kept the others, or nothing but the first."""
    kept = tuple(0 if count else one.decisions for count in one.kept)
    others = tuple(way for way, count in enumerate(kept) if count)
    return replace(one, kept=kept, sets=(KeptSet(others, one.decisions, 1), KeptSet((0,), 0, 1)))


def nothing(one: Activity) -> Activity:
    """Every way cold."""
    return replace(one, kept=(0,) * one.ways, sets=())


def as_it_was(one: Activity) -> Activity:
    """One call is all that is known, and what it kept is taken for a path."""
    return replace(one, sets=tuple(replace(entry, calls=1) for entry in one.sets[:2]))


def fuses(marked: Any) -> Iterator[Any]:
    return (node for one in (marked, *body_order(marked)) for node in one.nodes if node.op == "fuse")


ROUTED = [case for case in CASES if any(node.attrs["by"] for node in fuses(graph(case)))]
FEW = ("moe", "active_layers")


@pytest.mark.parametrize("level", ["alone", "O2"])
@pytest.mark.parametrize("change", [as_it_was, turned, nothing], ids=lambda change: change.__name__)
@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=() if one.name in FEW else pytest.mark.slow, id=one.name) for one in ROUTED]
)
def test_wrong_profiles_give_no_wrong_outputs(case: Case, change: Callable[[Activity], Activity], level: str) -> None:
    plain = module(case)
    seen = recorded(case, state(plain))
    wrong = replace(seen, selections={path: change(one) for path, one in seen.selections.items()})
    one = Specialize(wrong, decisions=1, share=0.0)
    marked = pipeline.run(graph(case), [one] if level == "alone" else pipeline.level("O2", {one.name: one}))
    assert level == "O2" or change is as_it_was or any("cold" in node.attrs for node in fuses(marked))
    made = lower(marked).double().eval()
    made.load_state_dict(plain.state_dict())
    for seed in (1, 2, 3):
        given = inputs(case, seed=seed)
        with torch.no_grad():
            ran = run_torch(made, case, given)
        assert_equal(ran, run_reference(case, given, ran.before, decisions=ran.decisions, seed=ran.seed), "f64")
    assert list(made.stats()) == list(_after(plain, case).stats())


def _after(plain: Any, case: Case) -> Any:
    with torch.no_grad():
        run_torch(plain, case, inputs(case, seed=3))
    return plain
