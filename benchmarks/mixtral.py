"""Mixtral's block of experts (SwiGLU, renormalised top 2) against transformers' own class, unchanged, with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

import chunkc

from .moe import DTYPES, EXPERTS, HIDDEN, KEPT, TOLERANCE, WIDTH

SPEC = Path(__file__).resolve().parent / "mixtral_block.cc"


def theirs(model: nn.Module) -> MixtralSparseMoeBlock:
    """Transformers' block with the weights of the compiled spec."""
    config = MixtralConfig(
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_local_experts=EXPERTS,
        num_experts_per_tok=KEPT,
        experts_implementation="eager",
    )
    state = model.state_dict()
    block = MixtralSparseMoeBlock(config).to(state["gate"].dtype)
    experts = [{name: state[f"expert.{i}.{name}"] for name in ("w1", "w2", "w3")} for i in range(EXPERTS)]
    block.load_state_dict(
        {
            "gate.weight": state["gate"],
            "experts.gate_up_proj": torch.stack([torch.cat((e["w1"], e["w3"])) for e in experts]),
            "experts.down_proj": torch.stack([e["w2"] for e in experts]),
        }
    )
    return block.eval()


@torch.no_grad()
def contenders(tokens: int, dtype: str) -> dict[str, Callable[[], object]]:
    """The calls to time, after they were seen to agree."""
    torch.manual_seed(0)
    model = chunkc.compile(str(SPEC), d=WIDTH, ffn=HIDDEN, experts=EXPERTS, k=KEPT).to(DTYPES[dtype]).eval()
    block = theirs(model)
    x = torch.randn(1, tokens, WIDTH, dtype=DTYPES[dtype])
    torch.testing.assert_close(model(x), block(x), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    rows = torch.randn(tokens * KEPT, WIDTH, dtype=DTYPES[dtype])
    state = model.state_dict()
    w1, w2, w3 = (state[f"expert.0.{name}"] for name in ("w1", "w2", "w3"))

    def ideal() -> Tensor:
        return F.linear(F.silu(F.linear(rows, w1)) * F.linear(rows, w3), w2)

    return {"chunkc": lambda: model(x), "hugging face": lambda: block(x), "ideal": ideal}
