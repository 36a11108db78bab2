"""Which kernels torch launches, by name: views, and numbers of the host, left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

NOTHING = {"_unsafe_view", "lift_fresh", "_local_scalar_dense", "detach", "alias", "scalar_tensor", "empty"}
"""What runs no kernel though it is no view; numbers of the host."""
COPIED_FIRST = {"index_copy", "index_add", "scatter", "scatter_reduce"}
"""What copies the tensor that it writes into before it does."""


class Launches(TorchDispatchMode):
    """Inside, the kernels that run, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if not func.is_view and name not in NOTHING:
            self.names += [name, *(["clone"] if name in COPIED_FIRST else [])]
        return func(*args, **(kwargs or {}))


def launched(call: Callable[..., object], *given: object) -> list[str]:
    with torch.no_grad(), Launches() as seen:
        call(*given)
    return seen.names
