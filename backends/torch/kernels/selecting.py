"""The rules of a selection: which of what was scored is kept. All are bool in the score's shape.

Each rule is `rule(of, amount, over, among)`: `of` the values it reads, `over` the axes ranked together (row-major), `among` what
the rule before kept (None: everything).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "above",
    "at_least_f32",
    "fallback_all",
    "fallback_last",
    "first",
    "group",
    "keep_all",
    "keep_level",
    "level_choice",
    "load",
    "order_key",
    "renormalise",
    "share",
    "top",
    "top_p",
    "ungroup",
]


def at_least_f32(x: Tensor) -> Tensor:
    """A score below f32 becomes f32 before it decides anything."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def order_key(of: Tensor) -> Tensor:
    """Integers in the order of the values: alike where those are (0 and -0 too), NaN below -inf, one integer free below NaN."""
    of = at_least_f32(of.detach()) if of.is_floating_point() else of.double()
    ints = torch.int64 if of.dtype == torch.float64 else torch.int32
    info = torch.iinfo(ints)
    bits = torch.where(of == 0, 0.0, of).view(ints)
    key = torch.where(bits < 0, bits ^ info.max, bits)
    return torch.where(of.isnan(), info.min + 1, key)


def group(x: Tensor, over: tuple[int, ...]) -> Tensor:
    """The axes that are ranked together, row-major, as one last axis."""
    if tuple(over) == (-1,):
        return x
    last = sorted(axis % x.ndim for axis in over)
    return x.permute([axis for axis in range(x.ndim) if axis not in last] + last).flatten(-len(last))


def ungroup(x: Tensor, over: tuple[int, ...], like: Tensor) -> Tensor:
    """The inverse of `group`, into the shape of `like`."""
    if tuple(over) == (-1,):
        return x
    last = sorted(axis % like.ndim for axis in over)
    order = [axis for axis in range(like.ndim) if axis not in last] + last
    return x.unflatten(-1, [like.shape[axis] for axis in last]).permute([order.index(axis) for axis in range(like.ndim)])


def share(value: float, of: Tensor, over: tuple[int, ...] = (-1,), allowed: Tensor | None = None) -> Tensor:
    """`ceil(value * n)`, at least 1, for the n positions ranked together (of those `allowed`): [groups..., 1]."""
    counted = torch.ones_like(of, dtype=torch.bool) if allowed is None else allowed.expand_as(of)
    # In f64, and a little lower before rounding up, so that 35% of 20 is 7.
    return (group(counted, over).sum(-1, keepdim=True).double() * value - 1e-9).ceil().clamp(min=1).long()


def top(of: Tensor, count: int | Tensor, over: tuple[int, ...] = (-1,), among: Tensor | None = None) -> Tensor:
    """The `count` best of each group (a tensor: of each its own, as from `share`); lower index first, NaN below -inf."""
    key = order_key(of)
    if among is not None:
        key = torch.where(among, key, torch.iinfo(key.dtype).min)
    key = group(key, over)
    kept = torch.zeros_like(key, dtype=torch.bool)
    if isinstance(count, Tensor):
        order = key.sort(dim=-1, descending=True, stable=True).indices
        rank = torch.arange(key.shape[-1], device=key.device)
        kept = kept.scatter(-1, order, (rank < count).expand_as(order))
    elif count <= 8 and tuple(over) == (-1,):
        # A few rounds of argmax (lowest index first) are two to three times as fast as a sort.
        for _ in range(count):
            best = key.argmax(-1, keepdim=True)
            kept = kept.scatter(-1, best, True)
            key = key.scatter(-1, best, torch.iinfo(key.dtype).min)
    else:
        order = key.sort(dim=-1, descending=True, stable=True).indices
        kept = kept.scatter(-1, order[..., :count], True)
    kept = ungroup(kept, over, of)
    return kept if among is None else kept & among


def first(of: Tensor, count: int | Tensor, over: tuple[int, ...] = (-1,), among: Tensor | None = None) -> Tensor:
    """The `count` first by index of each group. `of` only gives the shape."""
    eligible = keep_all(of, among)
    place = group(eligible, over).cumsum(-1)
    return ungroup(place <= count, over, of) & eligible


def above(of: Tensor, threshold: float | Tensor, among: Tensor | None = None) -> Tensor:
    """Those strictly above the threshold; NaN never."""
    kept = of > threshold
    return kept if among is None else kept & among


def top_p(of: Tensor, limit: float | Tensor, over: tuple[int, ...] = (-1,), among: Tensor | None = None) -> Tensor:
    """In descending order, those before which the running sum is still below the limit."""
    key = order_key(of)
    value = at_least_f32(of.detach())
    if among is not None:
        key = torch.where(among, key, torch.iinfo(key.dtype).min)
        value = torch.where(among, value, 0.0)
    order = group(key, over).sort(dim=-1, descending=True, stable=True).indices
    running = group(value, over).gather(-1, order).cumsum(-1)
    before = F.pad(running[..., :-1], (1, 0))
    if isinstance(limit, Tensor):
        limit = group(limit.detach().expand_as(of), over).gather(-1, order)
    kept = ungroup(torch.zeros_like(order, dtype=torch.bool).scatter(-1, order, before < limit), over, of)
    return kept if among is None else kept & among


def keep_all(of: Tensor, among: Tensor | None = None) -> Tensor:
    """All that are eligible."""
    return torch.ones_like(of, dtype=torch.bool) if among is None else among.expand_as(of)


def level_choice(level: Tensor) -> Tensor:
    """For each part the level with the best score, as one True on the last axis; ties go to the lower level."""
    return torch.arange(level.shape[-1], device=level.device) == level.argmax(-1, keepdim=True)


def keep_level(level: Tensor, *kept: Tensor) -> Tensor:
    """What its own level's rule keeps. `level` [..., parts, levels]; one `kept` [..., parts] a level."""
    return (level_choice(level) & torch.stack(kept, dim=-1)).any(-1)


def fallback_all(kept: Tensor, coverage: Tensor, below: float, allowed: Tensor | None = None) -> Tensor:
    """Every allowed way, where the kept share of `coverage` (softmax of the score) is below `below`."""
    covered = torch.where(kept, coverage, 0.0).sum(-1, keepdim=True)
    everything = torch.ones_like(kept) if allowed is None else allowed
    return torch.where(covered < below, everything, kept)


def fallback_last(kept: Tensor, allowed: Tensor | None = None) -> Tensor:
    """The last way, where nothing was kept (and it is allowed)."""
    last = torch.arange(kept.shape[-1], device=kept.device) == kept.shape[-1] - 1
    last = last if allowed is None else last & allowed
    return kept | (last & ~kept.any(-1, keepdim=True))


def renormalise(weight: Tensor, kept: Tensor) -> Tensor:
    """Kept weights divided by their sum over the last axis; 0 where nothing is kept."""
    weight = torch.where(kept, weight, 0.0)
    # Divide by 1 where nothing is kept: a 0/0 that is selected away would still have a NaN gradient.
    share = weight / torch.where(kept.any(-1, keepdim=True), weight.sum(-1, keepdim=True), 1.0)
    return torch.where(kept, share, 0.0)


def load(kept: Tensor, dtype: torch.dtype) -> Tensor:
    """How many decisions kept each way."""
    return kept.flatten(0, -2).sum(0).to(dtype) if kept.ndim > 1 else kept.to(dtype)
