"""`python -m benchmarks.giant_child MODE …`: one way of running a giant, in a process of its own; it prints one JSON object.

- `resident`: all weights in memory, as `chunkc.compile` without a budget has them.
- `budget`: under the budget of the spec, loaded from the store; `--threads` calls at once; `--cold`: the page cache is emptied
  of the store before each call.
- `accelerate`: the model written by hand, all weights left to `accelerate.disk_offload`; `accelerate-safetensors`: to its loader
  of the checkpoint's safetensors.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import chunkc
from chunkc import api

from .giant_plain import Experts, Layers
from .memory import begin_peak, drop_cache, peak, resident


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["resident", "budget", "accelerate", "accelerate-safetensors"])
    parser.add_argument("--spec", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--offload", default="", help="folder of accelerate's files")
    parser.add_argument("--define", action="append", default=[], metavar="NAME=INT")
    parser.add_argument("--shape", default="1,1024", help="of an input")
    parser.add_argument("--inputs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1, help="calls at once")
    parser.add_argument(
        "--warmup", type=int, default=0, help="calls on other inputs before: what lies in files is hashed by then"
    )
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--drop", action="append", default=[], help="a folder whose files leave the page cache before each call")
    return parser.parse_args()


def inputs(shape: str, seeds: range) -> list[torch.Tensor]:
    """The recorded inputs: the same in every mode."""
    sizes = [int(size) for size in shape.split(",")]
    return [torch.randn(*sizes, generator=torch.Generator().manual_seed(seed)) for seed in seeds]


def made(args: argparse.Namespace) -> Any:
    """What is called."""
    params = dict(_define(text) for text in args.define)
    if args.mode.startswith("accelerate"):
        return offloaded(plain(params), args)
    if args.mode == "budget":
        return chunkc.compile(args.spec, store=args.store, weights=args.weights, **params).eval()
    # The same optimised graph, all of it resident.
    graph = replace(api.graphs(args.spec, params)[0], schedule=())
    module = chunkc.compile(graph, passes=[], store=args.store, weights=args.weights).eval()
    module.materialise()
    return module


def plain(params: dict[str, int]) -> torch.nn.Module:
    """The model by hand, its weights nowhere yet."""
    with torch.device("meta"):
        made = Experts(params["d"], params["experts"]) if "experts" in params else Layers(params["d"], params["layers"])
    return made.eval()


def _define(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    return name, int(value)


def offloaded(module: torch.nn.Module, args: argparse.Namespace) -> torch.nn.Module:
    """The model with its weights left to accelerate."""
    from accelerate import cpu_offload, disk_offload
    from accelerate.utils import OffloadedWeightsLoader

    folder, device = Path(args.offload), torch.device("cpu")
    mapped = OffloadedWeightsLoader(index=json.loads((folder / "mapped.json").read_text(encoding="utf-8")))
    if args.mode == "accelerate-safetensors":
        return cpu_offload(module, device, state_dict=mapped)
    if not (folder / "index.json").exists():
        module.load_state_dict({name: mapped[name] for name in mapped}, assign=True)
    return disk_offload(module, str(folder), execution_device=device)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Calls on all inputs, what they gave, and what was resident."""
    given, before_them = inputs(args.shape, range(args.inputs)), inputs(args.shape, range(10**6, 10**6 + args.warmup))
    files = [path for folder in args.drop for path in Path(folder).rglob("*") if path.is_file()]
    module = made(args)
    once(given[0])
    gc.collect()
    before = resident()
    begin_peak()
    called(module, before_them, args.threads, None)
    outputs, seconds = called(module, given, args.threads, (lambda: drop_cache(files)) if args.cold else None)
    found = {"mode": args.mode, "before": before, "peak": peak() - before, "seconds": seconds}
    found |= {"digest": [_digest(out) for out in outputs], "sample": [out.flatten()[:8].tolist() for out in outputs]}
    traffic = module.residency() if args.mode == "budget" else None
    if traffic is not None:
        found["residency"] = {name: getattr(traffic, name) for name in ("room", "loads", "bytes", "hits", "evictions", "peak")}
    return found


def once(x: torch.Tensor) -> None:
    """Products as the giants have them: what torch takes for these, it keeps."""
    d = x.shape[-1]
    with torch.no_grad():
        F.linear(F.gelu(F.linear(x, torch.randn(8 * d, d))), torch.randn(d, 8 * d))


def called(
    call: Any, given: list[torch.Tensor], threads: int, cold: Callable[[], None] | None
) -> tuple[list[torch.Tensor], list[float]]:
    """The output of each call, and its seconds (emptying the page cache apart)."""

    def one(x: torch.Tensor) -> tuple[torch.Tensor, float]:
        if cold is not None:
            cold()
        start = time.perf_counter()
        with torch.no_grad():
            out = call(x)
        return out, time.perf_counter() - start

    with ThreadPoolExecutor(threads) as pool:
        found = [one(x) for x in given] if threads == 1 else list(pool.map(one, given))
    return [out for out, _ in found], [took for _, took in found]


def _digest(out: torch.Tensor) -> str:
    return hashlib.sha256(out.contiguous().numpy().tobytes()).hexdigest()


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(run(options())))
