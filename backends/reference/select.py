"""The meaning of a `select` node; `compiler/selection.py` says it in words.

Where those words leave room: an empty slot `weight` stands for 1; fallback and renormalisation look along the last axis; the last
way falls back only where it is allowed; of levels, the first rule is the first level's, over the whole row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...compiler.selection import Rule
from .meaning import Array, Bools
from .result import Disagreement, RunError, Selection
from .rules import Verdict, apply_rule, distance

Replay = Bools | tuple[Bools, Bools]
"""Decisions in the shape of `kept`; or those, and which of them are known (the others are free)."""


def decide(attrs: Mapping[str, Any], slots: Mapping[str, Array]) -> tuple[Verdict, Bools]:
    """The free decision with its margins, and what the first rule kept; all in the shape of the score."""
    shape = slots["score"].shape
    allowed = np.broadcast_to(slots["allowed"], shape) if "allowed" in slots else np.ones(shape, np.bool_)
    rules: Sequence[Rule] = attrs["rules"]
    if attrs.get("levels"):
        verdicts = [_rule(rule, Verdict.given(allowed), allowed, slots) for rule in rules]
        verdict, first = _by_level(slots["level"], verdicts), verdicts[0].kept
    else:
        verdict = Verdict.given(allowed)
        first = allowed
        for number, rule in enumerate(rules):
            verdict = _rule(rule, verdict, allowed, slots)
            first = verdict.kept if number == 0 else first
    fallback = attrs.get("fallback", ())
    return (_fall_back(fallback, verdict, allowed, slots) if fallback else verdict), first


def _rule(rule: Rule, before: Verdict, allowed: Bools, slots: Mapping[str, Array]) -> Verdict:
    shape = allowed.shape
    limit = slots[rule.threshold] if rule.threshold else np.asarray(np.inf if rule.limit is None else rule.limit)
    values = _read(rule.of, slots, shape)
    return apply_rule(rule, before, allowed, values, np.broadcast_to(limit, shape))


def _read(name: str, slots: Mapping[str, Array], shape: tuple[int, ...]) -> Array:
    """What a rule reads, in the shape of the score. There may be no weights: then each is 1."""
    values = slots.get(name, np.ones(())) if name == "weight" else slots[name]
    return np.broadcast_to(values, shape)


def _by_level(scores: Array, verdicts: Sequence[Verdict]) -> Verdict:
    """Each part by the rule of its level, the highest score's (lowest index first).

    It flips where its level's rule does, or where a level that decides otherwise overtakes.
    """
    shape = verdicts[0].kept.shape
    scores = np.broadcast_to(scores, (*shape, len(verdicts)))
    level = np.argmax(scores, axis=-1)[..., None]
    kept, absolute, relative = (
        np.take_along_axis(np.stack([getattr(v, name) for v in verdicts], -1), level, -1)[..., 0]
        for name in ("kept", "absolute", "relative")
    )
    otherwise = np.stack([v.kept for v in verdicts], -1) != kept[..., None]
    gaps = np.where(otherwise, distance(np.take_along_axis(scores, level, -1), scores), np.inf).min(axis=-1)
    finite = np.abs(scores[np.isfinite(scores)]).max(initial=0.0)
    return Verdict(kept, np.minimum(absolute, gaps), np.minimum(relative, np.where(gaps == 0, 0.0, gaps / finite)))


def _fall_back(fallback: tuple[Any, ...], verdict: Verdict, allowed: Bools, slots: Mapping[str, Array]) -> Verdict:
    """Keeps more where too little was kept. Any flip among a decision's ways may call for it, or call it off."""
    kept = verdict.kept
    reach = [margin.min(axis=-1, keepdims=True, initial=np.inf) for margin in (verdict.absolute, verdict.relative)]
    if fallback[0] == "all":
        coverage = np.where(kept, slots["coverage"], 0.0).sum(axis=-1, keepdims=True)
        gap = distance(coverage, np.asarray(fallback[1]))
        reach = [np.minimum(gap, margin) for margin in reach]
        kept = np.where(coverage < fallback[1], allowed, kept)
        touched = np.broadcast_to(allowed, kept.shape)
    else:
        last = np.arange(kept.shape[-1]) == kept.shape[-1] - 1
        kept = kept | (last & allowed & ~kept.any(axis=-1, keepdims=True))
        touched = np.broadcast_to(last, kept.shape) & allowed
    absolute = np.where(touched, np.minimum(verdict.absolute, reach[0]), verdict.absolute)
    relative = np.where(touched, np.minimum(verdict.relative, reach[1]), verdict.relative)
    return Verdict(kept, absolute, relative)


def together(paths: Sequence[str], behind: str, replay: Mapping[str, Replay]) -> Replay | None:
    """What is replayed for selections that are one, known wherever it is for one of them; `RunError` where they differ."""
    found: Replay | None = None
    for given in [replay[path + behind] for path in paths if path + behind in replay]:
        if found is None:
            found = given
            continue
        (a, known_a), (b, known_b) = (one if isinstance(one, tuple) else (one, np.True_) for one in (found, given))
        if a.shape != b.shape or ((a != b) & known_a & known_b).any():
            raise differing(paths)
        found = np.where(known_a, a, b), np.broadcast_to(known_a | known_b, a.shape)
    return found


def differing(paths: Sequence[str]) -> RunError:
    named = " and ".join(f"`{path}`" for path in paths)
    return RunError(f"{named} are one selection after `share-masks`, and the decisions to replay for them differ")


def select(
    attrs: Mapping[str, Any], slots: Mapping[str, Array], path: str, replay: Replay | None, first_replay: Replay | None
) -> tuple[Selection, list[Disagreement]]:
    """The fields of a selection, and where the replayed decision (if any) differs from the free one.

    `first_replay` replays what the first rule kept. Without it that is the replayed decision itself if there is one rule and no
    fallback, and free otherwise.
    """
    verdict, first = decide(attrs, slots)
    kept, disagreements = verdict.kept, []
    if replay is not None:
        kept = _merge(path, replay, verdict.kept)
        disagreements = _compare(path, kept, verdict)
    if first_replay is not None:
        first = _merge(f"{path}:first", first_replay, first)
    elif len(attrs["rules"]) == 1 and not attrs.get("fallback"):
        first = kept
    return _fields(attrs, slots, kept, first), disagreements


def _fields(attrs: Mapping[str, Any], slots: Mapping[str, Array], kept: Bools, first: Bools) -> Selection:
    weight = np.where(kept, _read("weight", slots, kept.shape), 0.0)
    if attrs.get("renormalise"):
        weight = np.where(kept, weight / weight.sum(axis=-1, keepdims=True), 0.0)
    gate = kept.astype(np.float64)
    load = gate.sum(axis=tuple(range(gate.ndim - 1)))
    return Selection(slots["score"], kept, weight, load, first, gate)


def _merge(path: str, replay: Replay, free: Bools) -> Bools:
    """The replayed decision where it is known, the free one elsewhere."""
    given, known = (np.asarray(x) for x in (replay if isinstance(replay, tuple) else (replay, np.True_)))
    if given.shape != free.shape or given.dtype != np.bool_ or known.dtype != np.bool_:
        raise RunError(f"decisions of `{path}` must be bool {list(free.shape)}, got {given.dtype} {list(given.shape)}")
    return np.where(np.broadcast_to(known, free.shape), given, free)


def _compare(path: str, kept: Bools, verdict: Verdict) -> list[Disagreement]:
    return [
        Disagreement(path, index, bool(kept[index]), float(verdict.absolute[index]), float(verdict.relative[index]))
        for index in (tuple(int(i) for i in where) for where in np.argwhere(kept != verdict.kept))
    ]
