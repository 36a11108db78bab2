"""A plan walked as the backends run it: which steps run, on how many rows."""

from __future__ import annotations

from .decided import Decided
from .falls import Fallen, Falls
from .logged import step_log
from .place import Place
from .walk import Ran, walk

__all__ = ["Decided", "Falls", "Fallen", "Place", "Ran", "step_log", "walk"]
