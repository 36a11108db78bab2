"""Granularity-guided attention: a network says of each pair (or block) how far down its row's ranking it may stand."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from twin import agree, compiled, draw, share

SHARES = (0.05, 0.25, 1.0)
NAMES = {
    "grain.0": "grain.linear_1",
    "grain.2": "grain.linear_2",
    **{name: f"{name}.linear_1" for name in ("q", "k", "v")},
    "out": "y.linear_1",
}


class Granularity(nn.Module):
    def __init__(self, d, heads, block=1):
        super().__init__()
        self.heads, self.block = heads, block
        self.grain = nn.Sequential(nn.Linear(2 * d, 32), nn.GELU(), nn.Linear(32, 3))
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))

    def levels(self, source, target):
        t, s = target.shape[1], source.shape[1]
        both = torch.cat([target[:, :, None].expand(-1, -1, s, -1), source[:, None].expand(-1, t, -1, -1)], -1)
        return self.pooled(self.grain(both).permute(0, 3, 1, 2)).argmax(1)

    def pooled(self, x):
        """Means of blocks of the last two axes, the last one smaller."""
        t, s = (range(0, size, self.block) for size in x.shape[-2:])
        rows = [torch.stack([x[..., i : i + self.block, j : j + self.block].mean((-2, -1)) for j in s], -1) for i in t]
        return torch.stack(rows, -2)

    def keep(self, logits, levels):
        """A pair stays if its rank in its row is within the share of its level."""
        n = logits.shape[-1]
        rank = logits.argsort(dim=-1, descending=True, stable=True).argsort(-1)
        room = torch.tensor([max(1, math.ceil(share * n - 1e-9)) for share in SHARES])
        return rank < room[levels].unsqueeze(1)

    def forward(self, source, target):
        split = [
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((self.q, target), (self.k, source), (self.v, source))
        ]
        q, k, v = split
        levels = self.levels(source, target)
        coarse_q, coarse_k = (torch.stack([part.mean(-2) for part in x.split(self.block, -2)], -2) for x in (q, k))
        kept = self.keep(coarse_q @ coarse_k.transpose(-2, -1) / math.sqrt(q.shape[-1]), levels)
        kept = kept.repeat_interleave(self.block, -2).repeat_interleave(self.block, -1)
        kept = kept[..., : q.shape[-2], : k.shape[-2]]
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=kept)
        return self.out(y.transpose(1, 2).flatten(2)), kept


def widened(model):
    """Scores that differ enough for all levels to be chosen."""
    with torch.no_grad():
        model.get_parameter("grain.linear_2.weight").mul_(8)
    return model


def test_pairs():
    model = widened(compiled("translation_attention", d=16, h=2))
    twin = share(Granularity(16, 2), model, NAMES)
    source, target = draw(3, 24, 16), draw(3, 7, 16, seed=1)
    y, kept = twin(source, target)
    agree(model(source, target), y)
    assert len(set(kept.sum(-1).flatten().tolist())) > 5
    assert len(twin.levels(source, target).unique()) == 3


def test_blocks():
    model = widened(compiled("translation_attention_block", d=16, h=2, block=4))
    twin = share(Granularity(16, 2, block=4), model, NAMES)
    source, target = draw(3, 30, 16), draw(3, 18, 16, seed=1)
    y, kept = twin(source, target)
    agree(model(source, target), y)
    assert not kept.all() and len(twin.levels(source, target).unique()) > 1
