"""A profile of a module whose weights lie in files: that of the same in memory, within the budget."""

from pathlib import Path

import torch
from stored import Fixed, parts

from chunkc import profile
from chunkc.backends.torch import compile
from chunkc.grammar.elaborate import load
from chunkc.passes import pipeline

SPECS = Path(__file__).resolve().parents[2] / "specs"


def test_scores_that_depend_on_stored_chunks(tmp_path: Path) -> None:
    graph = load(SPECS / "active_layers.cc", params={"d": 8, "layers": 8})
    whole = compile(graph).eval()
    with torch.no_grad():
        for name, value in whole.named_parameters():
            value.mul_(30.0 if name.startswith("live") else 2.0)
    versions = Fixed(parts(tmp_path, whole.state_dict(), [f"block.{i}" for i in range(8)]))
    made = compile(pipeline.run(graph, ["schedule"]), versions=versions).eval()
    rest = {name: value for name, value in whole.state_dict().items() if not made.state_dict()[name].is_meta}
    made.load_state_dict(rest, strict=False)
    batches = [torch.randn(3, 2, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    found, expected = profile(made, batches), profile(whole, batches)
    assert found.selections == expected.selections and any(0 < one.kept[0] < 12 for one in found.selections.values())
    assert made.residency().peak <= made.residency().room
