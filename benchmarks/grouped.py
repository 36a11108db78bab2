"""`python -m benchmarks.grouped`: members one by one against members together (`group-chunks`), the table of `docs/derived.md`.

Models are `specs/moe.cc` (top 2, hidden 4d) in eval on one core; times are CPU time in milliseconds, medians.
"""

from __future__ import annotations

import argparse
import itertools

import torch

from chunkc import load
from chunkc.backends.torch import compile
from chunkc.passes import pipeline

from .moe import DTYPES, SPEC
from .timing import interleaved


@torch.inference_mode()
def row(dtype: str, width: int, experts: int, tokens: int, seconds: float) -> str:
    """One case as a line of the table, after both were seen to agree."""
    graph = load(SPEC, d=width, experts=experts)
    alone, together = (compile(pipeline.run(graph, passes), graph).to(DTYPES[dtype]).eval() for passes in ([], ["group-chunks"]))
    x = torch.randn(1, tokens, width, dtype=DTYPES[dtype])
    torch.testing.assert_close(together(x), alone(x))
    calls = {"alone": lambda: alone(x), "together": lambda: together(x)}
    times = {name: timing.cpu for name, timing in interleaved(calls, seconds=seconds, least=5).items()}
    ratio = times["together"] / times["alone"]
    return f"| {dtype} | {width} | {experts} | {tokens} | {times['alone']:.2f} | {times['together']:.2f} | {ratio:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each case is measured")
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    print("| dtype | d | experts | tokens | one by one | together | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for case in itertools.product(DTYPES, (64, 512), (8, 64), (32, 512)):
        print(row(*case, seconds), flush=True)


if __name__ == "__main__":
    main()
