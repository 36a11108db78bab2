"""With `gather` forced, the multiply-adds that torch runs are those of what was kept, of every spec that keeps a part.

The ideal is counted from the decisions of the call: of each stream, neuron, channel, weight, pair or block the share that was
kept. Routers and predictors run whole and stand apart. What cannot be skipped is in the ideal whole: a stream that mixes the
positions it is decided on, and what a fuse itself multiplies. `--update-golden` writes the table of docs/passes.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import harness
import numpy as np
import pytest
import torch
from cases import CASES, Case
from harness import assert_equal, inputs, module, replayed, run_torch

from chunkc.backends.torch.counting import MacCounter
from chunkc.compiler.bodies import body_order, map_bodies
from chunkc.compiler.dims import evaluate
from chunkc.compiler.ir import Attrs, Graph, Node, reachable, rebuild
from chunkc.compiler.planning.needed import needed
from chunkc.compiler.types import TensorType
from chunkc.compiler.work import PRODUCTS, dense_macs, executed
from chunkc.passes.choose_kernels import ChooseKernels

PAGE = Path(__file__).resolve().parents[2] / "docs" / "passes.md"
START, END = "<!-- counted: pytest tests/specs/test_counts.py --update-golden -->\n", "<!-- /counted -->\n"

WHOLE = {"multi_pathway": ("near", "far")}
"""Streams that mix the positions that their router decides on."""

ASKED = {"early_exit": ("exit", ("stage.{}", "classify.{}")), "ponder_net": ("done", ("cell{}", "halt{}"))}
"""Exits, and the calls that are made for what has not left before."""


@dataclass(frozen=True)
class Counted:
    """Multiply-adds of one call: of everything, of what was kept, of what ran, and in both of these of routers and predictors."""

    dense: int
    ideal: int
    ran: int
    router: int

    @property
    def over(self) -> float:
        return (self.ran - self.router) / (self.ideal - self.router) - 1


def conditional(case: Case) -> bool:
    graph = harness.graph(case)
    return any(node.op == "select" for one in (graph, *body_order(graph)) for node in one.nodes)


SELECTING = [case for case in CASES if conditional(case)]


@cache
def counted(name: str) -> Counted:
    """One call for the first output, checked against the reference."""
    case = next(case for case in SELECTING if case.name == name)
    harness.PASSES["gather"] = [ChooseKernels(force="gather")]
    made, given = module(case, passes="gather"), inputs(case)
    ran = run_torch(made, case, given)
    assert_equal(ran, replayed(case, given, ran), "f64")
    with torch.no_grad(), MacCounter() as counter:
        made(*given.values())
    whole = harness.graph(case)
    graph = needed(replace(whole, outputs=whole.outputs[:1]))
    rows = shares(case, graph, made.decisions())
    ideal, rest = (executed(one, case.dims, rows) for one in (graph, map_bodies(graph, without_routers)))
    pairs = fewer_pairs(case, graph, made.decisions())
    return Counted(dense_macs(graph, case.dims), ideal - pairs, counter.macs, ideal - rest)


def shares(case: Case, graph: Graph, decisions: dict[str, object]) -> dict[str, float]:
    """What `executed` is told: the share of its dense work that each part runs."""
    rows: dict[str, float] = dict.fromkeys(WHOLE.get(case.spec, ()), 1.0)
    kinds = {str(node.attrs["path"]): node for one in (graph, *body_order(graph)) for node in one.nodes if node.op == "select"}
    for path, found in decisions.items():
        select = kinds.get(re.sub(r"^block\.\d+\.", "", path))
        if select is None:
            continue
        kept = known(found)
        if select.attrs["kind"] == "mask":
            rows[f"masked:{path}"] = float(np.average(kept, weights=np.broadcast_to(areas(select, graph, case), kept.shape)))
        ways = kept.reshape(-1, kept.shape[-1])
        rows.update({f"{path}.{i}": float(ways[:, i].mean()) for i in range(ways.shape[1])})
    if case.spec in ASKED:
        exit_path, calls = ASKED[case.spec]
        left = 1 - np.cumsum(known(decisions[exit_path]).mean(0))
        for i, share in enumerate([1.0, *left[:-1]]):
            label = str(i) if "." in calls[0] else f"@{i + 1}" if i else ""
            rows.update({call.format(label): float(share) for call in calls})
    return rows


def known(found: object) -> np.ndarray:
    """What was kept, where it was decided."""
    kept, where = found if isinstance(found, tuple) else (found, True)
    return np.asarray(kept) & np.asarray(where)


def areas(select: Node, graph: Graph, case: Case) -> np.ndarray:
    """How many entries each part of a mask stands for: blocks at the edges are smaller."""
    if not select.attrs["block"]:
        return np.ones((), np.int64)
    spread = next(node for node in graph.nodes if node.op == "expand_blocks")
    lengths = [evaluate(spread.shape[axis], case.dims) for axis in (-2, -1)]
    sizes = [[min(size, n - at) for at in range(0, n, size)] for n, size in zip(lengths, select.attrs["block"])]
    return np.outer(*sizes)


def without_routers(graph: Graph) -> Graph:
    """The graph with zeros in the place of the products that only selections read."""
    cut = rebuild(graph, lambda node: replace(node, operands=()) if node.op == "select" else None)
    alive = reachable(cut.roots)
    routers = iter([node not in alive for node in cut.nodes])
    assert [node.op for node in cut.nodes] == [node.op for node in graph.nodes]

    def strip(node: Node) -> Node | None:
        if next(routers) and (node.op in PRODUCTS or node.op == "apply") and isinstance(node.type, TensorType):
            return Node("zeros", (), Attrs(shape=node.shape, dtype=node.tensor.dtype), node.type, node.span)
        return None

    return rebuild(graph, strip)


def fewer_pairs(case: Case, graph: Graph, decisions: dict[str, object]) -> int:
    """Of positions that see only each other, n² pairs a sample and not n times all."""
    found = 0.0
    for node in graph.nodes:
        if node.op == "apply" and node.attrs.get("among"):
            path = next(o.operands[0] for o in node.operands[-2:-1] if o.op == "squeeze").operands[0].attrs["path"]
            each = known(decisions[path])[..., 0].sum(1)
            total = case.dims["T"]
            for inner in node.attrs["body"].nodes:
                if inner.op == "attention":
                    width = inner.operands[0].shape[-1] + inner.shape[-1]
                    found += sum(int(inner.shape[1]) * int(width) * int(n) * (total - int(n)) for n in each)
    return round(found)


@pytest.mark.parametrize("name", [case.name for case in SELECTING])
def test_what_ran_is_what_was_kept(name: str) -> None:
    found = counted(name)
    assert abs(found.over) <= 0.02, found
    assert found.ran < found.dense or found.ran == found.dense == found.ideal, found


def test_the_page_says_what_was_counted(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    old, after = rest.split(END)
    new = "".join(f"{line}\n" for line in table())
    if request.config.getoption("--update-golden"):
        PAGE.write_text(before + START + new + END + after, encoding="utf-8")
    else:
        assert old == new, "write it again: pytest tests/specs/test_counts.py --update-golden"


def table() -> Iterator[str]:
    yield "| spec | everything | kept | ran | over | routers, predictors |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for case in SELECTING:
        found = counted(case.name)
        kept, ran = found.ideal - found.router, found.ran - found.router
        yield f"| {case.name} | {found.dense - found.router} | {kept} | {ran} | {100 * found.over:.1f}% | {found.router} |"
