"""A sequence as one vector: by what it says of itself, and by a question."""

import math

import torch
from torch import nn
from twin import agree, compiled, draw, share


class SelfPooling(nn.Module):
    def __init__(self, d, classes):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(d, d // 4), nn.Tanh(), nn.Linear(d // 4, 1))
        self.classify = nn.Linear(d, classes)

    def forward(self, x):
        attention = self.score(x).squeeze(-1).softmax(-1)
        return self.classify(torch.einsum("bt,btd->bd", attention, x)), attention


def test_self_pool():
    model = compiled("self_pool", d=16, classes=3)
    at = "pooled.self_pool_1.score"
    names = {"score.0": f"{at}.linear_1", "score.2": f"{at}.linear_2", "classify": "y.linear_1"}
    twin = share(SelfPooling(16, 3), model, names)
    x = draw(4, 9, 16)
    y, attention = twin(x)
    agree(model(x), y)
    agree(model(x, outputs="attention"), attention)


class CrossPooling(nn.Module):
    def __init__(self, d, asked, classes):
        super().__init__()
        self.query = nn.Linear(asked, d, bias=False)
        self.classify = nn.Linear(d, classes)

    def forward(self, question, x):
        logits = torch.einsum("bd,bsd->bs", self.query(question), x) / math.sqrt(x.shape[-1])
        attention = logits.softmax(-1)
        return self.classify(torch.einsum("bs,bsd->bd", attention, x)), attention


def test_cross_pool():
    model = compiled("cross_pool", d=16, asked=6, classes=3)
    names = {"query.weight": "pooled.cross_pool_1.weight", "classify": "y.linear_1"}
    twin = share(CrossPooling(16, 6, 3), model, names)
    question, x = draw(4, 6), draw(4, 9, 16, seed=1)
    y, attention = twin(question, x)
    agree(model(question, x), y)
    agree(model(question, x, outputs="attention"), attention)
