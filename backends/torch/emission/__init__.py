"""Source text of a model: the classes that a person would have written, from the plans of its graphs."""

from __future__ import annotations

from .classes import Sources, emit

__all__ = ["Sources", "emit"]
