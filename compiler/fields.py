"""The fields of a router, mask or memory block, and the rules of `keep`: what may be written, in one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One word, the forms it is written in, and what it means; `default` is what holds without it."""

    name: str
    forms: tuple[str, ...]
    doc: str
    default: str = ""


SELECTION = (
    Field(
        "score",
        ("x |> linear(8)",),
        "What decides: a value that ends in a router's ways or a mask's parts.",
    ),
    Field(
        "weight",
        ("softmax", "sigmoid", "renormalise(softmax)", "1"),
        "What a fuse multiplies a kept stream by: an expression of the score, or a function of it by name. `renormalise` "
        "divides by the kept sum. Absent pairs are removed before `renormalise(softmax)`, and multiplied by 0 after `softmax`.",
        "`softmax`; `sigmoid` with one way; for pairs `renormalise(softmax)`",
    ),
    Field("keep", ("top(2)", "above(0.5) |> first(1)"), "The rules, each seeing only what the last one kept.", "`all`"),
    Field(
        "grain",
        ("neuron", "channel", "head", "weight", "pair", "block(32, 32)"),
        "What a part of a mask is. Scores end in an entry each; for weights in [out, in], for pairs in [T, S].",
    ),
    Field(
        "train",
        ("hard", "straight_through", "gumbel(0.5)"),
        "How a decision passes a gradient: through the weights of what was kept alone; as if kept were a smooth function of "
        "the score (Bengio et al., 2013); or the same with Gumbel noise (Jang et al., 2016).",
        "`hard`",
    ),
    Field(
        "cache",
        ("exact(entries=1024)", "fingerprint(bits=16, entries=1024)"),
        "Decisions remembered by their input, whole or as a hash of signs. A fingerprint may change the result.",
        "none",
    ),
    Field(
        "fallback",
        ("all when coverage < 0.7", "last when none"),
        "What is kept where the rules kept too little: all where the kept share of softmax(score) is small, or the last.",
        "none",
    ),
    Field(
        "within",
        ("group", "not other"),
        "Decide only inside what a coarser selection kept, or only where another kept nothing.",
        "everything",
    ),
)

RULES = (
    Field(
        "top",
        ("top(2)", "top(25%)", "top(share(2 / experts), over=[B, T])"),
        "The best by `of` (the score); ties go to the lower index.",
    ),
    Field("first", ("first(1)",), "The first by index."),
    Field(
        "above",
        ("above(0.5)", "above(learned(0.5))", "above(learned(0.5, from=x))"),
        "Those strictly above a threshold, by `of` (the weight).",
    ),
    Field("top_p", ("top_p(0.9)",), "The best until their sum reaches the threshold, by `of` (the weight)."),
    Field("all", ("all",), "Everything."),
    Field(
        "levels",
        ("levels(coarse=top(5%), fine=all)",),
        "A rule a level of pairs or blocks; the last score dimension picks the level.",
    ),
)

RESULTS = (
    Field("score", ("gate.score",), "The score."),
    Field("weight", ("gate.weight",), "What a fuse multiplies by; 0 where dropped."),
    Field("kept", ("gate.kept",), "True where kept."),
    Field("load", ("gate.load",), "How many decisions kept each way."),
    Field("first", ("gate.first",), "What the first rule kept."),
    Field("gate", ("gate.gate",), "`kept` as 0 or 1, with the gradient that `train` gives it."),
)

MEMORY = (
    Field("budget", ("256MiB", "25%"), "How much may be resident, in bytes or as a share of the model.", "everything"),
    Field("ram", ("2GiB",), "How much may lie in RAM, where the device is not the CPU.", "everything"),
    Field("evict", ("adaptive", "lru", "lfu", "cost", "belady"), "What goes where the plan leaves it open.", "`adaptive`"),
    Field("prefetch", ("1", "speculative(2)"), "How far to look ahead among chunks already decided on, or to guess.", "0"),
    Field(
        "on_missing",
        ("skip", "zero"),
        "What becomes of stored chunks that cannot be loaded: routers do not choose them, or they give zeros. "
        "`extern(…, on_missing=zero)` says it of one.",
        "`error`",
    ),
)
