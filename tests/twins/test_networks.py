"""Whole networks as they are written by hand: ResNet-18 and GPT-2."""

import torch
import torch.nn.functional as F
from torch import nn
from twin import agree, compiled, draw, share


class BasicBlock(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layers = nn.ModuleList()
        into = width
        for stage, out in enumerate((width, 2 * width, 4 * width, 8 * width)):
            self.layers.append(nn.Sequential(BasicBlock(into, out, 2 if stage else 1), BasicBlock(out, out, 1)))
            into = out
        self.fc = nn.Linear(into, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for layer in self.layers:
            x = layer(x)
        return self.fc(x.mean((2, 3)))


def resnet_names():
    names = {"conv1": "h.conv2d_1", "bn1": "h.batch_norm_1", "fc": "y.linear_1"}
    for stage in range(4):
        for i in range(2):
            at, spec = f"layers.{stage}.{i}", f"{stage}.{i}"
            names |= {f"{at}.conv1": f"a.{spec}.conv2d_1", f"{at}.bn1": f"a.{spec}.batch_norm_1"}
            names |= {f"{at}.conv2": f"b.{spec}.conv2d_1", f"{at}.bn2": f"b.{spec}.batch_norm_1"}
            names |= {f"{at}.downsample.0": f"shortcut.{spec}.conv2d_1", f"{at}.downsample.1": f"shortcut.{spec}.batch_norm_1"}
    return names


def test_resnet18():
    model = compiled("resnet18", width=8, classes=10)
    names = resnet_names()
    twin = share(ResNet18(8, 10), model, names)
    image = draw(4, 3, 64, 64)
    agree(model(image), twin(image))
    # In training both use the batch's statistics, and carry them over.
    agree(model.train()(image), twin.train()(image))
    agree(model.eval()(image), twin.eval()(image))
    state = model.state_dict()
    agree(state["b.3.1.batch_norm_1.running_var"], twin.layers[3][1].bn2.running_var)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        h = self.ln1(x)
        q, k, v = (layer(h).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, d):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, d), nn.Embedding(context, d)
        self.block = nn.ModuleList(Block(d, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, ids):
        x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
        for block in self.block:
            x = block(x)
        return F.linear(self.norm(x), self.token.weight)


def gpt_names(layers):
    names = {"token.weight": "token", "position.weight": "position", "norm": "logits.layer_norm_1"}
    for i in range(layers):
        inner = {"ln1": "n.layer_norm_1", **{name: f"{name}.linear_1" for name in ("q", "k", "v")}}
        inner |= {"out": "seen.linear_1", "ln2": "y.layer_norm_1", "up": "y.linear_1", "down": "y.linear_2"}
        names |= {f"block.{i}.{plain}": f"block.{i}.{spec}" for plain, spec in inner.items()}
    return names


def test_gpt():
    model = compiled("gpt", vocabulary=50, context=20, layers=3, h=4, d=16)
    twin = share(GPT(50, 20, 3, 4, 16), model, gpt_names(3))
    for t in (1, 9, 20):
        ids = torch.randint(0, 50, (2, t), generator=torch.Generator().manual_seed(t))
        agree(model(ids), twin(ids))
