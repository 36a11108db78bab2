"""Mixtures of experts as people write them: moe, switch, and transformers' own Mixtral."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralDecoderLayer, MixtralRotaryEmbedding
from twin import agree, compiled, draw, share


class Expert(nn.Module):
    def __init__(self, d, activation):
        super().__init__()
        self.linear_1 = nn.Linear(d, 4 * d)
        self.linear_2 = nn.Linear(4 * d, d)
        self.activation = activation

    def forward(self, x):
        return self.linear_2(self.activation(self.linear_1(x)))


class Router(nn.Module):
    def __init__(self, d, experts):
        super().__init__()
        self.linear_1 = nn.Linear(d, experts)

    def forward(self, x):
        return self.linear_1(x)


class MixtureOfExperts(nn.Module):
    def __init__(self, d, experts, k):
        super().__init__()
        self.k = k
        self.gate = Router(d, experts)
        self.expert = nn.ModuleList(Expert(d, nn.GELU()) for _ in range(experts))

    def forward(self, x):
        logits = self.gate(x.flatten(0, 1))
        weights, chosen = torch.sort(logits.softmax(-1), descending=True, stable=True)
        weights, chosen = weights[:, : self.k], chosen[:, : self.k]
        y = torch.zeros_like(x).flatten(0, 1)
        for i, expert in enumerate(self.expert):
            tokens, place = torch.where(chosen == i)
            y[tokens] += weights[tokens, place, None] * expert(x.flatten(0, 1)[tokens])
        share_of_tokens = F.one_hot(chosen, len(self.expert)).sum(1).double().mean(0)
        balance = len(self.expert) * (share_of_tokens * logits.softmax(-1).mean(0)).sum()
        z = logits.logsumexp(-1).square().mean()
        return y.view_as(x), 0.01 * balance + 0.001 * z


def test_moe():
    model = compiled("moe", d=16, experts=6, k=2)
    twin = share(MixtureOfExperts(16, 6, 2), model)
    for seed, shape in enumerate([(3, 7, 16), (1, 1, 16), (5, 40, 16)]):
        x = draw(*shape, seed=seed)
        expected, loss = twin(x)
        agree(model(x), expected)
        agree(model.train()(x), expected)
        agree(model.losses()["balance"], loss)
        model.eval()


def test_moe_gradients():
    model = compiled("moe", d=8, experts=4, k=2).train()
    twin = share(MixtureOfExperts(8, 4, 2), model)
    x = draw(2, 9, 8)
    target = draw(2, 9, 8, seed=1)
    loss = (model(x) - target).square().mean() + model.losses()["balance"]
    y, extra = twin(x)
    ((y - target).square().mean() + extra).backward()
    loss.backward()
    mine = dict(model.named_parameters())
    for name, parameter in twin.named_parameters():
        agree(mine[name].grad, parameter.grad)


class Switch(nn.Module):
    def __init__(self, d, experts, capacity):
        super().__init__()
        self.capacity = capacity
        self.gate = Router(d, experts)
        self.expert = nn.ModuleList(Expert(d, nn.ReLU()) for _ in range(experts))

    def forward(self, x):
        tokens = x.flatten(0, 1)
        weight, chosen = self.gate(tokens).softmax(-1).max(-1)
        room = math.ceil(self.capacity / len(self.expert) * len(tokens) - 1e-9)
        y = tokens.clone()
        for i, expert in enumerate(self.expert):
            mine = torch.where(chosen == i)[0][:room]
            y[mine] += weight[mine, None] * expert(tokens[mine])
        return y.view_as(x)


def test_switch():
    model = compiled("switch", d=16, experts=4, capacity=1.25)
    twin = share(Switch(16, 4, 1.25), model)
    for seed, shape in enumerate([(3, 7, 16), (1, 1, 16), (4, 50, 16)]):
        x = draw(*shape, seed=seed) + (0.5 if seed == 2 else 0)
        agree(model(x), twin(x))
    room = math.ceil(1.25 / 4 * 200)
    assert model(x, outputs="load").max() == room, "some expert should be full"


def mixtral_layer(model, d, ffn, heads, key_heads, experts):
    """Transformers' decoder layer with the compiled layer's weights."""
    config = MixtralConfig(
        hidden_size=d,
        intermediate_size=ffn,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        num_local_experts=experts,
        num_experts_per_tok=2,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        attn_implementation="eager",
        experts_implementation="eager",
    )
    state = model.state_dict()
    each = [{name: state[f"expert.{i}.{name}"] for name in ("w1", "w2", "w3")} for i in range(experts)]
    layer = MixtralDecoderLayer(config, 0).double().eval()
    layer.load_state_dict(
        {
            "input_layernorm.weight": state["attention_norm.rms_norm_1.weight"],
            "post_attention_layernorm.weight": state["expert_norm.rms_norm_1.weight"],
            **{f"self_attn.{name}_proj.weight": state[f"self_attention.w{name}"] for name in "qkvo"},
            "mlp.gate.weight": state["gate"],
            "mlp.experts.gate_up_proj": torch.stack([torch.cat((e["w1"], e["w3"])) for e in each]),
            "mlp.experts.down_proj": torch.stack([e["w2"] for e in each]),
        }
    )
    return layer, MixtralRotaryEmbedding(config)


def test_mixtral_is_transformers_own():
    model = compiled("mixtral", d=32, ffn=48, h=4, g=2, experts=4)
    layer, rotary = mixtral_layer(model, 32, 48, 4, 2, 4)
    for b, t in ((2, 11), (1, 1), (3, 30)):
        x = draw(b, t, 32, seed=t)
        mask = torch.full((t, t), float("-inf"), dtype=torch.float64).triu(1)[None, None]
        positions = rotary(x, torch.arange(t)[None])
        expected = layer(x, position_embeddings=positions, attention_mask=mask)
        # Their angles and softmaxes are in f32 whatever the model is in.
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
