"""The arrays that the kernels of this folder read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled import part

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


NOTHING, DEPENDENCY, QUEUE, BUFFER, TURN = 0, 1, 2, 3, 4
"""What a task waited for last; `Wait` names them."""


class Flat(NamedTuple):
    """
    Tasks as compressed rows: what belongs to row `i` of `x` stands in `x[x_ptr[i]:x_ptr[i + 1]]`.

    Tasks, queues, resources and pools are numbered from 0. It stands in a file with kernels: its order of fields is compiled in.
    """

    queue_ptr: Ints
    queue_tasks: Ints
    """Of each queue, in order."""
    after_ptr: Ints
    after: Ints
    """Of each task: those that end before it starts."""
    move_ptr: Ints
    move_resource: Ints
    take_ptr: Ints
    take_pool: Ints
    take_bytes: Floats
    take_until: Ints
    """The task at whose end the bytes go back."""
    take_place: Ints
    """How many takes from this pool earlier tasks have."""
    give_ptr: Ints
    give_pool: Ints
    """Of each task: what goes back at its end."""
    give_bytes: Floats


@part
def largest_move(flat: Flat, amounts: Floats, task: int) -> float:
    """Bytes of a task's largest move, by which the progress of its transfer is counted; 0 if it moves nothing."""
    most = 0.0
    for move in range(flat.move_ptr[task], flat.move_ptr[task + 1]):
        most = max(most, amounts[move])
    return most


@part
def pool_need(flat: Flat, task: int, pool: int) -> float:
    """Bytes that a task takes from a pool when it starts."""
    need = 0.0
    for take in range(flat.take_ptr[task], flat.take_ptr[task + 1]):
        if flat.take_pool[take] == pool:
            need += flat.take_bytes[take]
    return need
