"""The budget is one of memory: what the process has of weights, mapped files included, is never more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = '''
import gc, json, sys, threading, time
from pathlib import Path
import torch
from stored import Fixed, parts
from chunkc.backends.torch import compile
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

folder, blocks, width, budget, threads, calls, aligned, past = Path(sys.argv[1]), *map(int, sys.argv[2:])
torch.set_num_threads(1)
graph = loads(f"""
model m(d: int = {width}) {{
  input x: f32[B, d]
  chunk block[{blocks}](h) {{ h |> linear(d) |> relu }}
  h = x
  for i in 0..{blocks} {{ h = h + block[i](h) }}
  memory {{ budget = {budget}  prefetch = 1 }}
  output h
}}
""")
torch.manual_seed(0)
found = {}
for i in range(blocks):
    tensors = {"linear_1.weight": torch.randn(width, width), "linear_1.bias": torch.randn(width)}
    found.update(parts(folder, {f"block.{i}.{name}": value for name, value in tensors.items()}, [f"block.{i}"], aligned=aligned))
    del tensors
made = compile(pipeline.run(graph, ["schedule"]), versions=Fixed(found)).eval()
x = torch.randn(4, width)
if past:
    made._memory.loader.cache.way = lambda what, here: "past"

def resident():
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile", "RssShmem"))

# One call with nothing to load from, so that all but weights is there: threads, kernels, pages of libraries.
warm = torch.nn.Linear(width, 2 * width)
with torch.no_grad():
    warm(x)
    for i in range(3):
        compile(pipeline.run(graph, ["schedule"]), versions=Fixed(found)).eval()
    torch.relu(x @ torch.randn(width, width))
del warm
gc.collect()
before, peak, stop = resident(), [0], threading.Event()

def sample():
    while not stop.is_set():
        peak[0] = max(peak[0], resident())
        time.sleep(0.0002)

sampler = threading.Thread(target=sample)
sampler.start()

def run():
    with torch.no_grad():
        for _ in range(calls):
            made(x)

running = [threading.Thread(target=run) for _ in range(threads)]
for one in running:
    one.start()
for one in running:
    one.join()
stop.set()
sampler.join()
traffic = made.residency()
sizes = sum(made._memory.residents.sizes.values())
print(json.dumps({"peak": peak[0] - before, "counted": traffic.peak, "loads": traffic.loads, "sizes": sizes}))
'''


def measured(
    tmp_path: Path, blocks: int, width: int, budget: int, threads: int, calls: int, aligned: int = 4096, past: bool = False
) -> dict[str, int]:
    support = Path(__file__).resolve().parents[1] / "support"
    arguments = map(str, (tmp_path, blocks, width, budget, threads, calls, aligned, int(past)))
    code = f"import sys; sys.path.insert(0, {str(support)!r})\n{CHILD}"
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


SLACK = 3 << 20
"""What calls take besides weights: activations, stacks of threads, a block to hash with."""


@pytest.mark.parametrize("threads", [1, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("aligned, past", [(4096, False), (8, False), (4096, True)], ids=["mapped", "read", "past the cache"])
def test_memory_stays_within_the_budget(threads: int, aligned: int, past: bool, tmp_path: Path) -> None:
    one = 4 * 1024 * 1025
    found = measured(tmp_path, 16, 1024, 4 * one, threads, 2, aligned, past)
    assert found["sizes"] == 16 * one and found["loads"] >= 16
    assert found["counted"] <= 4 * one
    assert found["peak"] <= 4 * one + SLACK + threads * (1 << 20), found
    assert found["peak"] >= 2 * one, "the measurement sees weights at all"
