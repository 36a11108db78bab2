"""Reports as one page of HTML that needs nothing else: no script, font or picture from anywhere."""

from __future__ import annotations

from .page import page

__all__ = ["page"]
