"""What was not kept was not computed: rows counted at the layers themselves, by forward hooks, and in `stats()`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from cases import CASES, Case
from harness import inputs, module
from torch import nn

BY_NAME = {case.name: case for case in CASES}
ROUTED = {
    "moe": ("gate", "expert.{}.linear_1"),
    "switch": ("gate", "expert.{}.linear_2"),
    "expert_choice": ("gate", "expert.{}.linear_1"),
    "hash_routing": ("gate", "expert.{}.linear_1"),
    "deepseek_moe": ("gate", "expert.{}.linear_3"),
}
"""Arrays of experts: the selection, and a layer of each expert."""


def counted(case: Case, seed: int = 0) -> tuple[Any, Counter[str]]:
    """The module after one call in eval, and how many rows went into each linear layer."""
    made, rows = module(case, passes="all"), Counter()

    def count(name: str) -> Any:
        return lambda layer, arguments: rows.update({name: arguments[0].shape[:-1].numel()})

    for name, layer in made.named_modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_pre_hook(count(name))
    with torch.no_grad():
        made(*inputs(case, seed=seed).values())
    return made, rows


@pytest.mark.parametrize("name", ROUTED)
def test_experts_run_on_the_rows_that_chose_them(name: str) -> None:
    made, rows = counted(BY_NAME[name])
    gate, layer = ROUTED[name]
    stats = made.stats()[gate]
    assert [rows[layer.format(i)] for i in range(stats.ways)] == list(stats.load)
    assert list(stats.rows.values()) == [stats.load]
    assert sum(stats.load) < stats.decisions * stats.ways


def test_named_pathways_run_where_they_were_chosen() -> None:
    made, rows = counted(BY_NAME["nine_ways"])
    labels = ["propositional", "perspectival", "procedural", "participatory", "prehension"]
    labels += ["comprehension", "apprehension", "reprehension", "extension"]
    assert [rows[f"pathway.{label}.linear_1"] for label in labels] == list(made.stats()["chosen"].load)


def test_layers_run_on_the_samples_that_need_them() -> None:
    case = BY_NAME["active_layers"]
    made, rows = counted(case)
    for layer in range(int(case.params["layers"])):
        samples = made.stats()[f"live.{layer}"].load[0]
        assert rows[f"block.{layer}.linear_1"] == samples * case.dims["T"]
    assert sum(rows[f"block.{i}.linear_1"] for i in range(3)) < 3 * case.dims["B"] * case.dims["T"]


def test_different_parts_run_on_the_images_that_chose_them() -> None:
    made, rows = counted(BY_NAME["composition"])
    assert [rows[f"{part}.y.linear_1"] for part in ("edges.encoder", "texture", "shapes")] == list(made.stats()["attend"].load)
    assert 0 in made.stats()["attend"].load


def test_what_lies_behind_an_exit_does_not_run() -> None:
    case = BY_NAME["early_exit"]
    made, rows = counted(case)
    left, leaving = case.dims["B"], made.stats()["exit"].load
    for stage, gone in enumerate(leaving):
        assert rows[f"stage.{stage}.linear_1"] == left
        assert rows[f"classify.{stage}.linear_1"] == left
        left -= gone
    assert left == 0
    assert leaving[0]


def test_only_kept_neurons_are_multiplied() -> None:
    """The rows of the weight that the masked product reads, counted by its multiply-adds."""
    case = BY_NAME["topk_neurons"]
    made, given = module(case, passes="all"), inputs(case)
    few = {name: value[:1, :1] for name, value in given.items()}
    read: list[int] = []

    class Reads(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
            if function is torch.nn.functional.linear:
                read.append(arguments[1].shape[0])
            return function(*arguments, **(keywords or {}))

    with torch.no_grad(), Reads():
        made(*few.values())
    neurons = 4 * int(case.params["d"])
    assert neurons * 125 // 1000 in read
    assert read.count(neurons) == 1  # the score's own layer, never the masked one
