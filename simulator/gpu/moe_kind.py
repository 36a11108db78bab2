"""Tables of measured fused mixture layers (vLLM): columns, loads as their benchmark draws them, tiles as vLLM chooses them."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.source import NOWHERE
from ..kinds import Kind, Seconds
from ..tables import Column, Columns
from ..target import Target
from . import moe_loads
from .grouped_card import grouped_card_of, grouped_of, tuned_tiles
from .grouped_tiles import Tile, default_2025, default_2026
from .moe_layer import layers_seconds

NAMES = ("num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")

TUNED = {
    "vllm-2025": {(8, 7168), (8, 3584), (8, 1792), (1, 14336), (128, 192)},
    "vllm-2026": {(8, 14336), (8, 7168), (8, 3584), (8, 1792), (128, 768), (128, 384), (128, 192), (128, 96), (16, 2048)},
}
"""(experts of the device, width) of the layers for which vLLM ships a table of tuned tiles, `configs/E=…,N=….json`, for A100 and
for H200."""

UNGATED = {"vllm-2025": frozenset[tuple[int, int]](), "vllm-2026": frozenset({(2688, 1856), (2048, 5120)})}
"""(hidden, width) of layers with two matrices an expert. Up to 2025 the benchmark gave three to all layers."""

LAUNCHES = {"vllm-2025": 6.0, "vllm-2026": 10.0}
"""Kernels: two that sort choices by way, two products, the activation, the sum; later versions are measured with the choice of
ways before, and copies."""

CHUNK = {"vllm-2025": 32768, "vllm-2026": 1 << 62}
"""Tokens at a time (`VLLM_FUSED_MOE_CHUNK_SIZE`)."""

POWER_LAW = re.compile(r"power_law_(?!1(\.0*)?$)\d+(\.\d+)?")
"""A distribution, by any exponent but 1."""

Shape = tuple[int, int, int, int, int, int, int]


def predict(target: Target, columns: Columns) -> Seconds:
    """Seconds of each row on a target, in bf16. `CompileError` with the rows that no layer can have."""
    shapes = np.stack([columns[name] for name in NAMES], axis=1).astype(np.int64)
    distributions = columns["distribution"].tolist()
    keys: list[Shape] = [tuple(row) for row in shapes.tolist()]
    _check(keys, distributions)
    software = grouped_of(target).software
    sizes = np.array([_sizes(key, software) for key in keys])
    tuned = tuned_tiles(target)
    tiles = np.array([_tiles(key, software, tuned) for key in keys])
    sums = np.array([_sums(key, distribution, software) for key, distribution in zip(keys, distributions)])
    parts = np.ceil(shapes[:, 0] / CHUNK[software])
    return np.asarray(layers_seconds(grouped_card_of(target, "bf16"), sizes, tiles, sums, parts))


def _check(keys: list[Shape], distributions: list[str]) -> None:
    findings = []
    for row, (key, distribution) in enumerate(zip(keys, distributions), start=1):
        _, _, width, keep, ways, parts, devices = key
        if keep > ways:
            findings.append(f"`topk` is {keep} and `num_experts` {ways}")
        elif ways % devices:
            findings.append(f"`moe_ep_size` {devices} does not divide `num_experts` {ways}")
        elif width % parts:
            findings.append(f"`moe_tp_size` {parts} does not divide `inter_size` {width}")
        elif distribution != "balanced" and not POWER_LAW.fullmatch(distribution):
            findings.append(f"`distribution` is `balanced` or `power_law_1.2` (any exponent but 1), not `{distribution}`")
        else:
            continue
        findings[-1] += f", in row {row}"
    if findings:
        nowhere = (Label(NOWHERE),)
        raise CompileError([Diagnostic("CC1101", f"this is no layer: {finding}", nowhere) for finding in findings[:20]])


def _sizes(key: Shape, software: str) -> tuple[float, ...]:
    tokens, hidden, width, keep, _, parts, _ = key
    matrices = 2.0 if (hidden, width) in UNGATED[software] else 3.0
    return float(tokens), float(hidden), float(width // parts), float(keep), matrices, LAUNCHES[software]


@cache
def _tiles(key: Shape, software: str, tuned: tuple[Tile, ...]) -> NDArray[np.float64]:
    """[4, 5]: the tiles that a tuner had, or the one that the default is."""
    tokens, _, width, _, ways, parts, devices = key
    local, found = ways // devices, np.zeros((4, 5))
    if (local, width // parts) in TUNED[software]:
        menu = tuned
    else:
        chosen = default_2025 if software == "vllm-2025" else default_2026
        menu = (chosen(min(tokens, CHUNK[software]), local),)
    found[: len(menu)] = menu
    return found


def _sums(key: Shape, distribution: str, software: str) -> NDArray[np.float64]:
    tokens, _, _, keep, ways, _, devices = key
    return moe_loads.sums(tokens, ways, keep, devices, distribution, software != "vllm-2025")


def work(columns: Columns) -> tuple[Seconds, Seconds]:
    """Multiply-adds of each row if choices spread evenly over devices, and bytes of the ways hit if loads were even: three
    matrices an expert, tokens in and out."""
    tokens, keep, ways, devices = (columns[name] for name in ("num_tokens", "topk", "num_experts", "moe_ep_size"))
    matrices = 3 * columns["hidden_size"] * columns["inter_size"] / columns["moe_tp_size"]
    hit = np.minimum(tokens * keep, ways) / devices
    return tokens * keep / devices * matrices, 2 * (hit * matrices + 2 * tokens * columns["hidden_size"])


KIND = Kind(
    name="moe",
    title="fused mixture layers",
    section="grouped",
    columns=(*(Column(name) for name in NAMES), Column("distribution", word=True)),
    family=("hidden_size", "inter_size", "topk", "num_experts"),
    fitted={"feed": (5e9, 500e9), "step": (0.05e-6, 5e-6), "narrow": (1e9, 100e9)},
    predict=predict,
    work=work,
)
