"""`python -m benchmarks.giant_overlap …`: the stack's loads behind its products, interleaved; it prints one JSON object.

One process has the stack three times: resident, under a budget with loads ahead, and under it with none ahead. Each round runs
all cases once, in random order: compute alone (resident), loads alone (one token, nothing ahead), and both, from the disk (the
page cache is emptied of the store before) and out of the page cache (all of the store is read before). Of each case the
seconds, the CPU seconds of the thread that computes and those that it waited for loads; medians over the rounds, and of each
round's ratio of both to the longer.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch

from .giant_child import made
from .memory import drop_cache, fill_cache

Case = tuple[str, str, int]
"""What runs (`compute`, `load`, `both`), on which page cache (`cold`, `warm`, or none), and its tokens."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--define", action="append", default=[], metavar="NAME=INT")
    parser.add_argument("--tokens", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--d", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def cases(tokens: list[int]) -> Iterator[Case]:
    yield from (("load", cache, 1) for cache in ("cold", "warm"))
    for count in tokens:
        yield "compute", "", count
        yield from (("both", cache, count) for cache in ("cold", "warm"))


def modules(args: argparse.Namespace) -> dict[str, Any]:
    def one(mode: str, ahead: int) -> Any:
        return made(argparse.Namespace(**{**vars(args), "mode": mode, "define": [*args.define, f"ahead={ahead}"]}))

    return {"compute": one("resident", 0), "load": one("budget", 0), "both": one("budget", 2)}


def emptied(module: Any) -> None:
    """Nothing of a budgeted module stays mapped: what is mapped stays in the page cache."""
    residents, done = module._memory.residents, threading.Event()
    with residents.turn:
        for key in [key for key in residents.resident if key not in residents.held]:
            residents.drop(key)
        residents.mover._tell(done.set)
    done.wait()


def measured(module: Any, x: torch.Tensor) -> dict[str, float]:
    """One call: seconds, CPU seconds of this thread, and seconds waited for loads."""
    traffic = module.residency()
    begun, used = time.perf_counter(), time.thread_time()
    with torch.no_grad():
        module(x)
    seconds, cpu = time.perf_counter() - begun, time.thread_time() - used
    waited = module.residency().stalled - traffic.stalled if traffic is not None else 0.0
    return {"seconds": seconds, "cpu": cpu, "waited": waited}


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    kinds, files = modules(args), [path for path in Path(args.store).rglob("*") if path.is_file()]
    order = random.Random(0)
    found: dict[Case, list[dict[str, float]]] = {case: [] for case in cases(args.tokens)}
    given = {count: torch.randn(1, count, args.d, generator=torch.Generator().manual_seed(count)) for count in (1, *args.tokens)}
    for number in range(-1, args.rounds):  # the first is not counted: files are hashed in it, and memory is laid out
        for kind, cache, count in order.sample(list(found), len(found)):
            for module in (kinds["load"], kinds["both"]) if cache else ():
                emptied(module)
            if cache:
                {"cold": drop_cache, "warm": fill_cache}[cache](files)
            one = measured(kinds[kind], given[count])
            if number >= 0:
                found[kind, cache, count].append(one)
    return [row(found, cache, count) for cache in ("cold", "warm") for count in args.tokens]


def row(found: dict[Case, list[dict[str, float]]], cache: str, count: int) -> dict[str, Any]:
    """Medians of both beside what it is made of."""
    parts = {"compute": found["compute", "", count], "load": found["load", cache, 1], "both": found["both", cache, count]}
    said: dict[str, Any] = {"cache": cache, "tokens": count}
    for name, rounds in parts.items():
        said |= {name: median(one["seconds"] for one in rounds), f"{name}_cpu": median(one["cpu"] for one in rounds)}
    longer = [max(a["seconds"], b["seconds"]) for a, b in zip(parts["compute"], parts["load"])]
    ratios = sorted(one["seconds"] / least for one, least in zip(parts["both"], longer))
    waited = median(one["waited"] for one in parts["both"])
    return {**said, "waited": waited, "ratio": median(ratios), "ratios": [ratios[0], ratios[-1]]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(run(options())))
