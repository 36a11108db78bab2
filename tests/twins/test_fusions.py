"""Several streams made one: gated fusion, and pathways that meet at a null point."""

import torch
import torch.nn.functional as F
from torch import nn
from twin import agree, compiled, draw, share


def perceptron(into, d):
    return nn.Sequential(nn.Linear(into, d), nn.GELU(), nn.Linear(d, d))


class GatedFusion(nn.Module):
    def __init__(self, image, text, d):
        super().__init__()
        self.look, self.listen = perceptron(image, d), perceptron(text, d)
        self.gate_seen, self.gate_read = nn.Linear(2 * d, d), nn.Linear(2 * d, d)

    def forward(self, seen, read):
        a, b = self.look(seen), self.listen(read)
        both = torch.cat([a, b], dim=-1)
        return torch.sigmoid(self.gate_seen(both)) * a + torch.sigmoid(self.gate_read(both)) * b


def test_gated_fusion():
    model = compiled("gated_fusion", image=12, text=7, d=5)
    names = {
        "look.0": "look.linear_1",
        "look.2": "look.linear_2",
        "listen.0": "listen.linear_1",
        "listen.2": "listen.linear_2",
        "gate_seen": "y.gated_1.y.linear_1",
        "gate_read": "y.gated_1.y.linear_2",
    }
    twin = share(GatedFusion(12, 7, 5), model, names)
    seen, read = draw(6, 12), draw(6, 7, seed=1)
    agree(model(seen, read), twin(seen, read))


class Pathway(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.linear_1, self.layer_norm_1, self.linear_2 = nn.Linear(d, d), nn.LayerNorm(d), nn.Linear(d, d)

    def forward(self, x):
        return self.linear_2(F.gelu(self.layer_norm_1(self.linear_1(x))))


class NullPoint(nn.Module):
    """Each pathway projected by its own weight, attention across those that speak, then one field."""

    def __init__(self, d, pathways, heads, k):
        super().__init__()
        self.heads, self.k, self.d = heads, k, d
        self.router = nn.Linear(d, pathways)
        self.pathway = nn.ModuleList(Pathway(d) for _ in range(pathways))
        self.weight = nn.Parameter(torch.empty(pathways, d, d))
        self.bias = nn.Parameter(torch.empty(pathways, d))
        self.q, self.k_, self.v, self.out = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(pathways * d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x):
        weights = self.router(x).softmax(-1)
        fields, shares = [], []
        for sample, weight in zip(x, weights):
            kept = sorted(weight.sort(descending=True, stable=True).indices[: self.k].tolist())
            slots = torch.stack([self.weight[i] @ (weight[i] * self.pathway[i](sample)) + self.bias[i] for i in kept])
            q, k, v = (layer(slots).unflatten(-1, (self.heads, -1)).transpose(0, 1) for layer in (self.q, self.k_, self.v))
            share = torch.softmax(q @ k.transpose(-2, -1) / (self.d / self.heads) ** 0.5, -1)
            met = self.out((share @ v).transpose(0, 1).flatten(1))
            everyone = x.new_zeros(len(self.pathway), self.d).index_copy(0, torch.tensor(kept), met)
            fields.append(self.down(F.gelu(self.up(everyone.flatten()))))
            all_shares = x.new_zeros(self.heads, len(self.pathway), len(self.pathway))
            all_shares[:, torch.tensor(kept)[:, None], torch.tensor(kept)] = share
            shares.append(all_shares)
        return torch.stack(fields), torch.stack(shares)


def test_null_point():
    model = compiled("null_point", d=16, pathways=5, h=4, k=3)
    at = "field.null_point_1"
    names = {
        "router": "chosen.linear_1",
        "weight": f"{at}.weight",
        "bias": f"{at}.bias",
        "q": f"{at}.q.linear_1",
        "k_": f"{at}.k.linear_1",
        "v": f"{at}.v.linear_1",
        "out": f"{at}.met.linear_1",
        "up": f"{at}.said.linear_1",
        "down": f"{at}.said.linear_2",
    }
    twin = share(NullPoint(16, 5, 4, 3), model, names)
    x = draw(7, 16)
    field, attention = twin(x)
    agree(model(x), field)
    agree(model(x, outputs="attention"), attention)
