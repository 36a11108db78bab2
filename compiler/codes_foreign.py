"""The wording of the codes of chunks that something else runs, and what they need. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

FOREIGN: dict[str, Code] = {}
