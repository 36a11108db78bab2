"""Max-min fair rates of the transfers in flight, by progressive filling (Bertsekas and Gallager, Data Networks, 6.5.2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled import bare_kernel, part
from .flat import Bools, Flat, Floats, Ints, largest_move


class Shares(NamedTuple):
    """What each transfer gets, and room to work it out."""

    rate: Floats
    """[queues] B/s of the largest move of the transfer in flight there."""
    usage: Floats
    """[resources] B/s in use."""
    pending: Bools
    left: Floats
    weight: Floats


@bare_kernel
def fair_rates(flat: Flat, amounts: Floats, bandwidth: Floats, flowing: Ints, shares: Shares) -> None:
    """
    Raises the rates of all transfers together; those that use a resource when it is used up stay at the rate reached.

    A transfer's rate (B/s) is that of its largest move; its other moves go along in proportion. To the last bit, a rate depends
    only on transfers that share a resource with it directly or through others.

    Args:
        amounts: bytes of each move.
        bandwidth: of each resource, B/s.
        flowing: [queues] the task whose transfer is in flight, or -1.
        shares: written.
    """
    for queue in range(len(flowing)):
        shares.pending[queue], shares.rate[queue] = flowing[queue] >= 0, 0.0
    for resource in range(len(bandwidth)):
        shares.left[resource] = bandwidth[resource]
    while True:
        resource, level = _next_used_up(flat, amounts, flowing, shares)
        if resource < 0:
            break
        for queue in range(len(flowing)):
            if shares.pending[queue] and _uses(flat, amounts, flowing[queue], resource):
                shares.pending[queue], shares.rate[queue] = False, level
                _claim(flat, amounts, flowing[queue], level, shares.left)
    for resource in range(len(bandwidth)):
        shares.usage[resource] = bandwidth[resource] - shares.left[resource]


@part
def _next_used_up(flat: Flat, amounts: Floats, flowing: Ints, shares: Shares) -> tuple[int, float]:
    """The resource used up at the least rate, the first of equals, and that rate; -1 if no transfer is pending."""
    weight, left = shares.weight, shares.left
    for resource in range(len(weight)):
        weight[resource] = 0.0
    for queue in range(len(flowing)):
        if shares.pending[queue]:
            task = flowing[queue]
            size = largest_move(flat, amounts, task)
            for move in range(flat.move_ptr[task], flat.move_ptr[task + 1]):
                weight[flat.move_resource[move]] += amounts[move] / size
    found, level = -1, np.inf
    for resource in range(len(left)):
        if weight[resource] > 0.0 and left[resource] / weight[resource] < level:
            found, level = resource, left[resource] / weight[resource]
    return found, level


@part
def _uses(flat: Flat, amounts: Floats, task: int, resource: int) -> bool:
    for move in range(flat.move_ptr[task], flat.move_ptr[task + 1]):
        if flat.move_resource[move] == resource and amounts[move] > 0.0:
            return True
    return False


@part
def _claim(flat: Flat, amounts: Floats, task: int, rate: float, left: Floats) -> None:
    """Takes what a transfer uses at a rate from what is left of each resource."""
    size = largest_move(flat, amounts, task)
    for move in range(flat.move_ptr[task], flat.move_ptr[task + 1]):
        resource = flat.move_resource[move]
        left[resource] = max(0.0, left[resource] - rate * amounts[move] / size)
