"""Loads of weights from files: what each takes on a target, a recorded trace of them timed again, and what would have been loaded
under another budget or policy. `docs/loads.md` shows how near it comes."""

from __future__ import annotations

from .deciding import decided
from .disk import Disk, disk_at
from .replay import Replay, replay

__all__ = ["Disk", "Replay", "decided", "disk_at", "replay"]
