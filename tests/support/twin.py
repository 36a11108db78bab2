"""A hand-written PyTorch module beside a compiled spec: the same weights by their names, and then the same outputs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

import chunkc

SPECS = Path(__file__).resolve().parents[2] / "specs"


def compiled(spec: str, **params: object) -> nn.Module:
    """The compiled spec, in f64 and eval."""
    return chunkc.compile(str(SPECS / f"{spec}.cc"), **params).double().eval()


def share(twin: nn.Module, model: nn.Module, names: dict[str, str] | None = None) -> nn.Module:
    """The twin with all the model's weights. `names`: what a prefix of the twin's keys is called in the spec."""
    state, found = model.state_dict(), {}
    renames = sorted((names or {}).items(), key=lambda pair: -len(pair[0]))
    for key in twin.state_dict():
        if not key.endswith("num_batches_tracked"):
            before = next((prefix for prefix, _ in renames if key == prefix or key.startswith(f"{prefix}.")), "")
            found[key] = (names[before] if before else "") + key[len(before) :]
    assert sorted(found.values()) == sorted(state), "the twin has other weights than the spec"
    twin = twin.double()
    missing = twin.load_state_dict({key: state[name] for key, name in found.items()}, strict=False)
    assert not missing.unexpected_keys
    return twin.eval()


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Reproducible normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def agree(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)
