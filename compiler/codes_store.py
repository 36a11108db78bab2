"""The wording of the codes of handles, the store and its locks. On the form of examples see `codes_language.py`."""

from __future__ import annotations

from .diagnostics import Code

STORE: dict[str, Code] = {}
