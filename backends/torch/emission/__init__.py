"""Source text of a model: the classes that a person would have written, from the plans of its graphs."""

from __future__ import annotations

from .classes import ALL, Method, Sources, emit
from .partial import partial_weights

__all__ = ["ALL", "Method", "Sources", "emit", "partial_weights"]
