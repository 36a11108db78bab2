"""What is run besides the plan: sizes, dtype, and how selections fall."""

from __future__ import annotations

from .trace import Trace, read_trace
from .workload import Workload

__all__ = ["Trace", "Workload", "read_trace"]
