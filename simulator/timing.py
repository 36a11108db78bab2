"""When each step of a walk is through: a recurrence over steps where no chunks move, for all inputs at once.

The device runs calls in order, and the host launches them ahead of it (`pricing.columns`). Where the host needs what the device
found (how many rows each way has), it waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from .pricing import Priced
from .pricing.columns import HOST, LAG, SECONDS

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class Times:
    """By step and input, in seconds: `begin`, when a step's first call could run; `spent`, what it adds to the end of all; what
    of this the device stood idle for want of a launch (`launched`), and of a chunk (`loaded`); `host`, when the thread that
    launches comes to it. `total`: [inputs]. `copies`: the chunks that were loaded, in order."""

    begin: Floats
    spent: Floats
    launched: Floats
    loaded: Floats
    host: Floats
    total: Floats
    copies: Sequence[Copy] = ()


@attrs.frozen
class Copy:
    """A chunk on its way to the device: in the call of which input, for which step (its place in the walk), when, how many bytes,
    over which links, the bytes of all chunks resident from then on, and which went since the load before it, for it."""

    input: int
    step: int
    chunk: str
    begin: float
    end: float
    bytes: float
    links: tuple[str, ...]
    resident: float
    gone: tuple[str, ...] = ()


def in_order(steps: Sequence[Priced], inputs: int, start: float = 0.0) -> Times:
    """One step behind the other, the first launched after `start` seconds."""
    shape = (len(steps), inputs)
    begin, spent, launched, came = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    host, device = np.full(inputs, start), np.zeros(inputs)
    for i, priced in enumerate(steps):
        rows = priced.rows
        busy, lag = rows[:, SECONDS], rows[:, LAG]
        came[i] = host
        after = np.where(busy > 0, np.maximum(device + busy, host + lag), device)
        host = host + rows[:, HOST]
        begin[i], spent[i] = device, after - device
        launched[i] = spent[i] - busy
        device = after
        host = np.where(priced.syncs, np.maximum(host, device), host)
    total = np.maximum(host, device)
    if len(steps):
        spent[-1] += total - device
        launched[-1] += total - device
    return Times(begin, spent, launched, np.zeros(shape), came, total)
