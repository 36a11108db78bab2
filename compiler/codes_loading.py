"""The wording of the codes of loads at run time. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

LOADING: dict[str, Code] = {}
