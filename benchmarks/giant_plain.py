"""The giants written by hand in PyTorch, as their users would: only experts that an input is routed to are called. Their state
dicts have the keys of the specs; accelerate's offload is put on these."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Expert(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(d, 8 * d), nn.Linear(8 * d, d)

    def forward(self, h: Tensor) -> Tensor:
        return self.linear_2(F.gelu(self.linear_1(h)))


class Gate(nn.Module):
    def __init__(self, d: int, experts: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(d, experts)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_1(x)


class Experts(nn.Module):
    """`giant.cc`."""

    def __init__(self, d: int, experts: int) -> None:
        super().__init__()
        self.gate = Gate(d, experts)
        self.expert = nn.ModuleList(Expert(d) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.gate(x).softmax(-1)
        chosen = torch.sort(weights, dim=-1, descending=True, stable=True).indices[:, :2]
        y = torch.zeros_like(x)
        for way in chosen.unique().tolist():
            rows = (chosen == way).any(-1).nonzero()[:, 0]
            y = y.index_add(0, rows, self.expert[way](x[rows]) * weights[rows, way, None])
        return x + y


class Block(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.layer_norm_1, self.linear_1, self.linear_2 = nn.LayerNorm(d), nn.Linear(d, 8 * d), nn.Linear(8 * d, d)

    def forward(self, h: Tensor) -> Tensor:
        return self.linear_2(F.gelu(self.linear_1(self.layer_norm_1(h))))


class Layers(nn.Module):
    """`giant_layers.cc`."""

    def __init__(self, d: int, layers: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(Block(d) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = x + block(x)
        return x
