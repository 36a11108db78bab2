"""A mixture of experts (`specs/moe.cc`: d 512, ffn 2048, 8 experts, top 2) against what it could be.

- `dense`: all experts on all tokens, then the weighted sum: what the spec means.
- `hugging face`: the router and the loop over experts of transformers' Mixtral, with the spec's own experts.
- `ideal`: one pair of dense products with as many multiply-adds as were kept, with no routing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import chunkc

SPEC = Path(__file__).resolve().parent.parent / "specs" / "moe.cc"
EXPERTS, KEPT, WIDTH, HIDDEN = 8, 2, 512, 2048
TOKENS = (512, 32)
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
TOLERANCE = {"f32": 1e-4, "bf16": 3e-2}


@dataclass(frozen=True, slots=True)
class Case:
    """One size and dtype, and what no implementation can do without."""

    tokens: int
    dtype: str

    @property
    def flops(self) -> int:
        """Of the kept experts, two for a multiply-add; the router is not counted."""
        return 2 * self.tokens * KEPT * 2 * WIDTH * HIDDEN

    @property
    def bytes(self) -> int:
        """Weights of all experts that can be kept, once, and the tokens in and out."""
        reached = min(EXPERTS, self.tokens * KEPT)
        return DTYPES[self.dtype].itemsize * (reached * 2 * WIDTH * HIDDEN + 2 * self.tokens * WIDTH)


def experts_of(model: nn.Module) -> tuple[Tensor, ...]:
    """The spec's weights: both products of all experts, [experts, out, in], each with its bias, then the router's two."""
    state = model.state_dict()
    names = ("linear_1.weight", "linear_1.bias", "linear_2.weight", "linear_2.bias")
    stacked = [torch.stack([state[f"expert.{i}.{name}"] for i in range(EXPERTS)]) for name in names]
    return (*stacked, state["gate.linear_1.weight"], state["gate.linear_1.bias"])


class Dense(nn.Module):
    """All experts on everything."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.up, self.up_bias, self.down, self.down_bias, self.gate, self.gate_bias = experts_of(model)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(0, -2)
        weight = F.linear(x, self.gate, self.gate_bias).float().softmax(-1)
        kept = weight.argsort(dim=-1, descending=True, stable=True)[:, :KEPT]
        weight = torch.zeros_like(weight).scatter(-1, kept, weight.gather(-1, kept)).to(x.dtype)
        total = torch.zeros_like(x)
        for i in range(EXPERTS):
            h = F.linear(F.gelu(F.linear(x, self.up[i], self.up_bias[i])), self.down[i], self.down_bias[i])
            total += weight[:, i, None] * h
        return total.unsqueeze(0)


class HuggingFace(nn.Module):
    """Transformers' Mixtral line by line (5.23: `MixtralSparseMoeBlock`, with its router and its loop over experts).

    The spec's experts stand in the place of SwiGLU, and its router has a bias and does not divide by the kept sum.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.gate, self.experts = LoopRouter(model), LoopExperts(model)

    def forward(self, hidden_states: Tensor) -> Tensor:
        batch_size, sequence_length, hidden_dim = hidden_states.shape
        hidden_states = hidden_states.view(-1, hidden_states.shape[-1])
        top_k_weights, top_k_index = self.gate(hidden_states)
        hidden_states = self.experts(hidden_states, top_k_index, top_k_weights)
        return hidden_states.reshape(batch_size, sequence_length, hidden_dim)


class LoopRouter(nn.Module):
    """`MixtralTopKRouter`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        *_, weight, bias = experts_of(model)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, hidden_states: Tensor) -> tuple[Tensor, Tensor]:
        router_logits = F.linear(hidden_states.reshape(-1, WIDTH), self.weight, self.bias)
        router_probs = F.softmax(router_logits.float(), dim=-1)
        return torch.topk(router_probs, KEPT, dim=-1)  # noqa: TID251 - as it is written there


class LoopExperts(nn.Module):
    """`MixtralExperts`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        up, up_bias, down, down_bias, *_ = experts_of(model)
        self.up, self.up_bias = nn.Parameter(up), nn.Parameter(up_bias)
        self.down, self.down_bias = nn.Parameter(down), nn.Parameter(down_bias)

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        final_hidden_states = torch.zeros_like(hidden_states)
        with torch.no_grad():
            expert_mask = F.one_hot(top_k_index, num_classes=EXPERTS + 1)
            expert_mask = expert_mask.permute(2, 1, 0)
            expert_hit = torch.greater(expert_mask.sum(dim=(-1, -2)), 0).nonzero()
        for expert_idx in expert_hit:
            expert_idx = expert_idx[0]
            if expert_idx == EXPERTS:
                continue
            top_k_pos, token_idx = torch.where(expert_mask[expert_idx])
            current_state = hidden_states[token_idx]
            h = F.gelu(F.linear(current_state, self.up[expert_idx], self.up_bias[expert_idx]))
            h = F.linear(h, self.down[expert_idx], self.down_bias[expert_idx])
            h = h * top_k_weights[token_idx, top_k_pos, None]
            final_hidden_states.index_add_(0, token_idx, h.to(final_hidden_states.dtype))
        return final_hidden_states


class Ideal(nn.Module):
    """As many rows as are kept, all through the first expert."""

    def __init__(self, model: nn.Module, case: Case) -> None:
        super().__init__()
        self.up, self.up_bias, self.down, self.down_bias, *_ = (value[0] for value in experts_of(model))
        self.rows = torch.randn(case.tokens * KEPT, WIDTH, dtype=DTYPES[case.dtype])

    def forward(self) -> Tensor:
        return F.linear(F.gelu(F.linear(self.rows, self.up, self.up_bias)), self.down, self.down_bias)


@torch.no_grad()
def contenders(case: Case) -> dict[str, Callable[[], object]]:
    """The calls to time, after they were seen to agree."""
    torch.manual_seed(0)
    model = chunkc.compile(str(SPEC), d=WIDTH, experts=EXPERTS, k=KEPT).to(DTYPES[case.dtype]).eval()
    x = torch.randn(1, case.tokens, WIDTH, dtype=DTYPES[case.dtype])
    dense, loop, ideal = Dense(model).eval(), HuggingFace(model).eval(), Ideal(model, case).eval()
    expected = dense(x)
    for other in (model, loop):
        torch.testing.assert_close(other(x), expected, rtol=TOLERANCE[case.dtype], atol=TOLERANCE[case.dtype])
    return {"chunkc": lambda: model(x), "dense": lambda: dense(x), "hugging face": lambda: loop(x), "ideal": ideal}
