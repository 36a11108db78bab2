"""Kept positions: which they are for each way, taking them out, and putting what the ways made of them together again."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "combine",
    "dispatch",
    "fuse_dense",
    "fuse_kept",
    "fuse_terms",
    "mean_of_kept",
    "rung_mask",
    "scatter_rows",
    "share_of_kept",
    "split_rows",
    "sum_of_few",
    "take",
    "take_each",
    "take_left",
    "weighted_rows",
    "with_absent",
]


def dispatch(kept: Tensor, axes: int) -> list[Tensor]:
    """For each way (the last axis of `kept`) the flat indices, over the first `axes` axes, of the positions that kept it."""
    flat = kept.flatten(0, axes - 1)
    if flat.ndim > 2:
        flat = flat.flatten(1, -2).any(1)
    mine = flat.t()
    if torch.compiler.is_compiling():
        return [row.nonzero().squeeze(1) for row in mine.unbind(0)]
    # The same with one search for all ways (on CUDA: one wait), cut where counts that are known only now say.
    rows = mine.nonzero()[:, 1].contiguous()
    return list(rows.split(flat.sum(0).tolist()))


def take(x: Tensor, rows: Tensor, axes: int) -> Tensor:
    """The rows of x, its first `axes` axes taken as one: [R, 1, …, rest], of the same rank."""
    picked = x.flatten(0, axes - 1).index_select(0, rows)
    for _ in range(axes - 1):
        picked = picked.unsqueeze(1)
    return picked


def take_left(x: Tensor, rows: Tensor | None, axes: int) -> Tensor:
    """The rows of x that are left to compute; all of x, in its own shape, where all are."""
    return x if rows is None else take(x, rows, axes)


def take_each(x: Tensor, rows: list[Tensor], axes: int) -> list[Tensor]:
    """The rows of x for each way."""
    if torch.compiler.is_compiling() or x.is_meta:
        return [take(x, at, axes) for at in rows]
    # One gather for all ways, cut where counts that are known only now say.
    return list(take(x, torch.cat(rows), axes).split([at.shape[0] for at in rows]))


def scatter_rows(part: Tensor, rows: Tensor, count: int) -> Tensor:
    """The rows of `part` at their places among `count`, 0 (or False) elsewhere."""
    return part.new_zeros((count, *part.shape[1:])).index_copy(0, rows, part)


def weighted_rows(part: Tensor, rows: Tensor, kept: Tensor, weight: Tensor, axes: int) -> Tensor:
    """What a way made of its rows, [R, 1, …, rest], times its `weight` [N, finer]; 0 where a decision finer than a row
    (`kept`) dropped it."""
    part = part.flatten(0, axes - 1)
    factor = weight.index_select(0, rows)
    beside = factor.shape + (1,) * (part.ndim - factor.ndim)
    term = part * factor.to(part.dtype).reshape(beside)
    return term if kept.ndim == 1 else torch.where(kept.index_select(0, rows).reshape(beside), term, 0.0)


def combine(
    parts: list[Tensor], rows: list[Tensor], kept: Tensor, weight: Tensor, axes: int, kind: str = "sum"
) -> Tensor:
    """The ways' rows [R, 1, …, rest] times their weights, put together: `sum`, `mean` (over what was kept), `concat` or
    `stack`."""
    now = kept.device.type == "cpu" and not torch.compiler.is_compiling()
    if now and kind in ("sum", "mean") and kept.ndim == axes + 1 and sum(part.shape[0] for part in parts) <= 2048:
        total = sum_of_few(parts, rows, kept, weight, axes)
        return mean_of_kept(total, kept) if kind == "mean" else total
    decided = kept.flatten(0, axes - 1).unbind(-1)
    weights = weight.flatten(0, axes - 1).unbind(-1)
    terms = [weighted_rows(part, at, mine, by, axes) for part, at, mine, by in zip(parts, rows, decided, weights)]
    count = decided[0].shape[0]
    if kind in ("concat", "stack"):
        total = fuse_terms([scatter_rows(term, at, count) for term, at in zip(terms, rows)], kind)
    else:
        total = terms[0].new_zeros((count, *terms[0].shape[1:]))
        for term, at in zip(terms, rows):
            total.index_add_(0, at, term)
    if axes > 1:
        total = total.unflatten(0, kept.shape[:axes])
    return mean_of_kept(total, kept) if kind == "mean" else total


def sum_of_few(parts: list[Tensor], rows: list[Tensor], kept: Tensor, weight: Tensor, axes: int) -> Tensor:
    """The sum of the ways' rows times their weights in a few calls, where the calls cost more than the rows (which rise in each
    way). On CUDA such a sum would not be the same twice."""
    term = torch.cat(parts).flatten(0, axes - 1)
    factor = weight.flatten(0, axes - 1).t().masked_select(kept.flatten(0, axes - 1).t())
    term = term * factor.to(term.dtype).reshape(factor.shape + (1,) * (term.ndim - 1))
    total = term.new_zeros((kept.shape[:axes].numel(), *term.shape[1:])).index_add_(0, torch.cat(rows), term)
    return total.unflatten(0, kept.shape[:axes]) if axes > 1 else total


def mean_of_kept(total: Tensor, kept: Tensor) -> Tensor:
    """A sum divided by how many ways were kept, 0 where none was."""
    count = kept.sum(-1)
    count = count.clamp(min=1).to(total.dtype)
    return total / count.reshape(count.shape + (1,) * (total.ndim - count.ndim))


def fuse_terms(terms: list[Tensor], kind: str = "sum") -> Tensor:
    """Streams put together as they are."""
    if kind == "concat":
        return torch.cat(terms, -1)
    if kind == "stack":
        return torch.stack(terms, -2)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total / len(terms) if kind == "mean" else total


def share_of_kept(weight: Tensor, kept: Tensor) -> Tensor:
    """All weights, dropped ones too, divided by the sum of the kept ones; 0 where nothing is kept."""
    total = torch.where(kept, weight, 0.0).sum(-1, keepdim=True)
    some = kept.any(-1, keepdim=True)
    return torch.where(some, weight / torch.where(some, total, 1.0), 0.0)


def fuse_dense(streams: list[Tensor], kept: Tensor, weight: Tensor, kind: str = "sum", gate: Tensor | None = None) -> Tensor:
    """All streams computed everywhere: the kept ones times their weight. `gate` (`kept` as a float with a gradient) gets as
    gradient each stream, kept or not, times its weight before keeping."""
    terms = []
    for way, stream in enumerate(streams):
        beside = kept.shape[:-1] + (1,) * (stream.ndim - kept.ndim + 1)
        product = stream * weight[..., way].to(stream.dtype).reshape(beside)
        term = torch.where(kept[..., way].reshape(beside), product, 0.0)
        if gate is not None:
            slope = gate[..., way].reshape(beside).to(term.dtype)
            term = term + (slope - slope.detach()) * torch.where(product.isfinite(), product, 0.0).detach()
        terms.append(term)
    if kind == "mean":
        return mean_of_kept(fuse_terms(terms), kept)
    return fuse_terms(terms, kind)


def fuse_kept(streams: list[Tensor], weight: Tensor, ways: tuple[int, ...], kind: str = "sum") -> Tensor:
    """The streams of `ways` times their weight, put together, where every decision keeps these ways and no others."""
    terms = []
    for way, stream in zip(ways, streams):
        factor = weight[..., way].to(stream.dtype)
        terms.append(stream * factor.reshape(factor.shape + (1,) * (stream.ndim - factor.ndim)))
    return fuse_terms(terms, kind)


def with_absent(parts: list[Tensor], ways: tuple[int, ...], count: int) -> list[Tensor]:
    """The rows of each of `count` ways: of `ways` what they made, of the others none."""
    made = dict(zip(ways, parts))
    return [made[way] if way in made else parts[0][:0] for way in range(count)]


def split_rows(kept: Tensor, rows: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where `kept` holds and where not: each as places among its own elements, and as the dense rows that those are (`rows`;
    None: themselves)."""
    flat = kept.flatten()
    now, left = flat.nonzero().squeeze(1), (~flat).nonzero().squeeze(1)
    if rows is None:
        return now, now, left, left
    return now, rows.index_select(0, now), left, rows.index_select(0, left)


def rung_mask(at: list[Tensor], like: Tensor) -> Tensor:
    """The decision [decisions, ways] that keeps each way at its rows `at` of the decisions, which have the shape of `like`."""
    count = like.flatten().shape[0]
    ways = [scatter_rows(torch.ones_like(rows, dtype=torch.bool), rows, count) for rows in at]
    return torch.stack(ways, -1).reshape(*like.shape, len(ways))
