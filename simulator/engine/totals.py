"""What many inputs took."""

from __future__ import annotations

import attrs
import numpy as np

from .flat import Floats


@attrs.frozen
class Latencies:
    """Seconds over inputs. A percentile is the least total that so many percent of the inputs do not exceed."""

    inputs: int
    mean: float
    p50: float
    p90: float
    p99: float
    longest: float


def latencies(totals: Floats) -> Latencies:
    """
    Of [inputs] seconds.

    Raises:
        ValueError: there are none.
    """
    if not len(totals):
        raise ValueError("no inputs")
    p50, p90, p99 = np.percentile(totals, [50, 90, 99], method="inverted_cdf").tolist()
    return Latencies(len(totals), float(np.mean(totals)), p50, p90, p99, float(np.max(totals)))
