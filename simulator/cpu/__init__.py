"""Processors: eager torch on cores and caches, by what was measured on the machine itself or, where nothing was, by its rates."""

from __future__ import annotations

from .machine import CpuMachine

__all__ = ["CpuMachine"]
