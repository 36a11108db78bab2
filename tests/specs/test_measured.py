"""Whatever kernel a spec calls is measured on a processor, or like one that is."""

from __future__ import annotations

import pytest
from cases import CASES, Case
from harness import graph

from chunkc.backends.torch.measuring.grids import jobs
from chunkc.compiler.bodies import body_order
from chunkc.compiler.calls import node_calls
from chunkc.compiler.dims import UnboundDim
from chunkc.compiler.shapes import Pointwise, Reduction
from chunkc.simulator.cpu.kernels import ALIKE

MEASURED = {job.op for job in jobs(("f32",))}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_is_called_is_measured(case: Case) -> None:
    whole = graph(case)
    for body in (whole, *body_order(whole)):
        for node in body.nodes:
            try:
                calls = node_calls(node, case.dims)
            except UnboundDim:
                continue
            for call in calls:
                if isinstance(call.shape, Pointwise | Reduction):
                    op = call.shape.op
                    assert op in MEASURED or ALIKE.get(op, "") in MEASURED, op
