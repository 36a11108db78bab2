"""`chunkc demo`: the whole way on real data: check, show the graph, compile, train, route, compare with the dense meaning, and
simulate what the routes that were seen would take elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from .. import api
from ..compiler.diagnostics import CompileError
from ..compiler.ir import Graph
from ..simulator import words
from .execute import Execution, parameters_of, run_reference, run_torch
from .inputs import Array
from .report import FINDINGS, guarded, progress, table
from .simulated import shares, verdict

if TYPE_CHECKING:
    from ..backends.torch import CompiledModule

SPEC = Path(__file__).resolve().parent.parent / "specs" / "digits.cc"
TOLERANCE = 1e-4
"""Largest difference of a logit between the module in f32 and the reference in f64 that counts as rounding."""


TARGETS = ("h200", "cpu-generic", "edge-npu-32x32")
"""Where the routed images are simulated."""
WIDTH = 36
"""Letters of the longest bar."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Images of 8 × 8 pixels from 0 to 1, as rows of 64, and what they show: to train on, and to test with."""

    images: Array
    labels: Array
    test_images: Array
    test_labels: Array


@click.command()
@click.option("--steps", type=click.IntRange(1, 100_000), default=300, show_default=True, help="Steps of training.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=20.0, show_default=True, help="Train no longer than this.")
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, help="Of weights, split and batches.")
@guarded
def command(steps: int, seconds: float, seed: int) -> None:
    """Train a small mixture on handwritten digits, route real images, and compare with computing everything, here and there."""
    digits = load_digits(seed)
    name = f"specs/{SPEC.name}"
    progress(f"==> chunkc check {name}")
    found = api.check(SPEC)
    if found:
        raise CompileError(found)
    click.echo(f"{name}: no findings\n")
    progress(f"==> chunkc opt {name}")
    pair = api.graphs(SPEC, {})
    show_graph(pair[0])
    progress(f"==> chunkc compile {name}")
    module = api.compile_graphs(*pair, seed=seed)
    click.echo(f"{type(module).__name__}: {sum(p.numel() for p in module.parameters()):,} parameters\n")
    progress(f"==> training on {len(digits.labels)} images")
    train(module, digits, steps, seconds, seed)
    progress(f"==> routing {len(digits.test_labels)} images that it has not seen")
    if not route(module, pair[0], digits):
        raise click.exceptions.Exit(FINDINGS)
    progress(f"==> chunkc simulate {name} on {', '.join(TARGETS)}")
    elsewhere(module, {"B": len(digits.test_labels)})


def load_digits(seed: int) -> Digits:
    """The digits that come with scikit-learn, shuffled, a fifth of them for the test."""
    try:
        from sklearn import datasets
    except ImportError as error:
        raise click.ClickException('the demo needs scikit-learn for its images: pip install "chunkc[demo]"') from error
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    images, labels = (images[order] / 16).astype(np.float32), labels[order].astype(np.int64)
    cut = len(labels) * 4 // 5
    return Digits(images[:cut], labels[:cut], images[cut:], labels[cut:])


def show_graph(graph: Graph) -> None:
    """A graph's text without the table of parameters."""
    lines = api.print(graph).rstrip().splitlines()
    body = next(i for i, line in enumerate(lines) if line.startswith("  %"))
    click.echo(f"core {graph.name} {{   # chunkc opt specs/{SPEC.name} prints it with its {len(graph.parameters)} parameters")
    click.echo("\n".join(lines[body:]) + "\n")


def train(module: CompiledModule, digits: Digits, steps: int, seconds: float, seed: int) -> None:
    """So many gradient steps, or as many as the time allows, with a line about each second."""
    import torch
    import torch.nn.functional as F

    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3, weight_decay=1e-2)
    generator = torch.Generator().manual_seed(seed)
    module.train()
    begin = told = time.monotonic()
    for step in range(1, steps + 1):
        batch = torch.randint(len(labels), (128,), generator=generator)
        loss = F.cross_entropy(module(images[batch]), labels[batch])
        balance = module.losses()["balance"]
        optimizer.zero_grad()
        (loss + balance).backward()
        optimizer.step()
        now = time.monotonic()
        if now - told >= 1 or step == steps:
            told = now
            progress(f"    step {step:4d} of {steps}  cross entropy {loss.item():.4f}  balance {balance.item():.4f}")
        if now - begin > seconds:
            break
    click.echo(f"trained for {step} steps of 128 images in {time.monotonic() - begin:.1f} s\n")


def route(module: CompiledModule, graph: Graph, digits: Digits) -> bool:
    """Routes the test images on both backends and tells what was skipped; whether the results agree."""
    inputs, sizes = {"image": digits.test_images}, {"B": len(digits.test_labels)}
    sparse = run_torch(module, graph, inputs, sizes, seed=0)
    dense = run_reference(graph, inputs, parameters_of(module), sizes, seed=0)
    show_experts(sparse, digits)
    difference = float(np.abs(sparse.outputs["digit"] - dense.outputs["digit"]).max())
    agree = difference <= TOLERANCE
    ran = sum(sum(rows) for rows in module.stats()["gate"].rows.values())
    everything = dense.selections["gate"].decisions * dense.selections["gate"].ways
    rows = [
        _row("all experts (reference, f64)", everything, dense, digits),
        _row("only those kept (torch, f32)", ran, sparse, digits),
    ]
    table(("computed", "expert evaluations", "multiply-adds", "share", "images read right"), rows)
    largest, verdict = np.abs(dense.outputs["digit"]).max(), "they agree" if agree else "THEY DIFFER"
    click.echo(f"\nlargest difference between the two: {difference:.1e} of logits up to {largest:.1f}: {verdict}")
    return agree


def _row(name: str, evaluations: int, done: Execution, digits: Digits) -> tuple[str, ...]:
    right = (done.outputs["digit"].argmax(-1) == digits.test_labels).mean()
    return name, f"{evaluations:,}", f"{done.macs:,}", f"{done.share:.1%}", f"{right:.1%}"


def show_experts(done: Execution, digits: Digits) -> None:
    """Which digits each expert sees most."""
    kept = done.selections["gate"].parts
    rows = []
    for way in range(kept.shape[-1]):
        counts = np.bincount(digits.test_labels[kept[:, way]], minlength=10)
        most = [f"{digit} ({counts[digit]})" for digit in np.argsort(-counts, kind="stable")[:3] if counts[digit]]
        rows.append((str(way), f"{counts.sum()}", ", ".join(most)))
    table(("expert", "images", "digits it sees most"), rows)
    click.echo()


def elsewhere(module: CompiledModule, sizes: dict[str, int]) -> None:
    """What the module's last call would take on hardware that is not here: with the same experts kept, and with all computed."""
    rows = []
    for target in TARGETS:
        graph = api.optimize(api.load(SPEC), api.for_target(None, target, sizes))
        report = api.simulate(graph, target, dims=sizes, decisions=module.decisions(), compare="dense")
        assert report.dense is not None
        longest = max(report.seconds, report.dense.seconds)
        dense, kept = report.dense.seconds / longest, report.seconds / longest
        rows.append((target, "all experts", words.seconds(report.dense.seconds), bar(dense), "", ""))
        said = shares(report.bound, report.seconds), verdict(report.dense.ratio)
        rows.append(("", "those kept", words.seconds(report.seconds), bar(kept), *said))
    click.echo()
    table(("target", "computed", "time of a call", "", "bound by", "does it pay?"), rows)
    click.echo(f"\nchunkc simulate specs/{SPEC.name} --target {TARGETS[-1]} --dims B={sizes['B']} --html report.html tells why")


def bar(share: float) -> str:
    """A bar of letters."""
    return "█" * max(1, round(WIDTH * share))
