"""The wording of the codes of handles and what they resolve to. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

HANDLES: dict[str, Code] = {}
