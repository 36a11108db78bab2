"""From a graph to its plan: bundles taken apart, demand outlined, steps in order."""

from __future__ import annotations

from .lower import lower

__all__ = ["lower"]
