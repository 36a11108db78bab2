"""What a cost model has to be better than: rooflines (Williams, Waterman & Patterson, 2009), of the datasheet and fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .target import Target

Floats = NDArray[np.float64]


def datasheet_roofline(target: Target, macs: Floats, moved: Floats, dtype: str = "bf16") -> Floats:
    """Seconds of rows of so many multiply-adds and bytes, at the rates of the datasheet."""
    return np.asarray(np.maximum(macs / target.peak_macs(dtype), moved / target.device_memory.bandwidth))


def best_roofline(target: Target, macs: Floats, moved: Floats, seconds: Floats) -> tuple[float, float, float]:
    """(multiply-adds a second, bytes a second, seconds a launch) of the roofline that is nearest to all rows, those that it is
    judged on included: least mean absolute log error, no rate above the datasheet's. Needs scipy (the extra `fit`)."""
    from scipy.optimize import minimize

    most = np.log([target.peak_macs("bf16"), target.device_memory.bandwidth, float(np.median(seconds))])

    def rates(point: Floats) -> tuple[float, float, float]:
        rate, bandwidth, launch = np.exp(np.minimum(point, most)).tolist()
        return rate, bandwidth, launch

    def loss(point: Floats) -> float:
        return float(np.abs(np.log(roofline(rates(point), macs, moved) / seconds)).mean())

    start = most + np.log([0.7, 0.8, 0.2])
    for _ in range(3):
        start = minimize(loss, start, method="Nelder-Mead", options={"maxfev": 600}).x
    return rates(start)


def roofline(rates: tuple[float, float, float], macs: Floats, moved: Floats) -> Floats:
    """Seconds of rows: the slower of multiply-adds and bytes, after a launch."""
    rate, bandwidth, launch = rates
    return np.asarray(launch + np.maximum(macs / rate, moved / bandwidth))
