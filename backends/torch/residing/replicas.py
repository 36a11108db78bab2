"""Replicas: the module as the calls on one snapshot of versions see it.

A replica shares all with its module but the parameters that are stored: classes, hooks, buffers, the parameters that are not.
Stored parameters are `meta` tensors in the module, always; in a replica they are bound while they are loaded.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ....compiler.loading.leases import Lease
from ....compiler.loading.places import Resolved
from ..tensors import LOAN, Loan
from .parcels import Parcel

DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "bf16": torch.bfloat16,
    "f16": torch.float16,
    "i64": torch.int64,
    "i32": torch.int32,
    "bool": torch.bool,
}


def lend(tensor: Tensor, loan: Loan | None) -> nn.Parameter:
    """A stored parameter. One that may go between two calls is lent."""
    parameter = nn.Parameter(tensor, requires_grad=False)
    if loan is not None:
        parameter.__dict__[LOAN] = loan
    return parameter


class Replica:
    """A shallow copy of a module for one snapshot.

    `keys`: by unit that of its version; `names`: of each key the paths of its parameters; `optional`: those of chunks that calls
    can do without; `base`: holds what is always there; `users`: how many calls run on it.
    """

    def __init__(
        self,
        origin: nn.Module,
        snapshot: Mapping[str, Resolved],
        keys: Mapping[str, str],
        parcels: Mapping[str, Parcel],
        base: Lease,
        optional: Sequence[str],
        device: torch.device | None = None,
    ) -> None:
        self.origin, self.snapshot, self.keys, self.base = origin, snapshot, keys, base
        self.names = {keys[path]: tuple(parcel.places) for path, parcel in parcels.items()}
        self.parcels = parcels
        self.users = 0
        self.stale = False
        self.without: frozenset[str] | None = None
        """With all that is always there but these chunks, it can be called; None: not yet."""
        self.lock = threading.Lock()
        stored = list(dict.fromkeys([*(name for names in self.names.values() for name in names), *optional]))
        self.module = shallow(origin, stored)
        self.module.__dict__["_snapshot"] = snapshot
        self.slots = {name: slot_of(self.module, name) for name in stored}
        self.away = {name: table[last] for name, (table, last) in self.slots.items()}
        for name in optional:
            table, last = self.slots[name]
            table[last] = self.away[name] = nothing_like(table[last], device)

    def bind(self, key: str, tensors: Mapping[str, nn.Parameter]) -> None:
        """A chunk is there."""
        for name in self.names.get(key, ()):
            if name in tensors:
                table, last = self.slots[name]
                table[last] = tensors[name]

    def unbind(self, key: str) -> None:
        """A chunk is away."""
        for name in self.names.get(key, ()):
            table, last = self.slots[name]
            table[last] = self.away[name]


def nothing_like(away: nn.Parameter, device: torch.device | None) -> nn.Parameter:
    """NaN without memory: of a chunk that calls can do without nothing counts, but it may run on no rows. What runs on it all the
    same (a decision that is replayed, and keeps it) gives no number that could be taken for one."""
    nothing = math.nan if away.dtype.is_floating_point else 0
    return nn.Parameter(torch.full((), nothing, dtype=away.dtype, device=device).expand(away.shape), requires_grad=False)


def shallow(module: nn.Module, stored: Iterable[str]) -> nn.Module:
    """The module with tables of its own where a stored parameter stands; all else is shared."""
    inside: dict[str, list[str]] = {}
    own = False
    for path in stored:
        label, dot, rest = path.partition(".")
        if dot:
            inside.setdefault(label, []).append(rest)
        else:
            own = True
    twin = type(module).__new__(type(module))
    twin.__dict__.update(module.__dict__)
    if own:
        twin.__dict__["_parameters"] = dict(module._parameters)
    if inside:
        members: dict[str, Any] = dict(module._modules)
        members.update({label: shallow(members[label], rest) for label, rest in inside.items()})
        twin.__dict__["_modules"] = members
    return twin


def slot_of(module: nn.Module, path: str) -> tuple[dict[str, Any], str]:
    """The table that a parameter stands in, and its name there."""
    *labels, last = path.split(".")
    here: Any = module
    for label in labels:
        here = here._modules[label]
    return here._parameters, last
