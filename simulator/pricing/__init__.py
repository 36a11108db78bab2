"""What the steps of a walk cost on a machine: calls, priced and added up for all inputs at once."""

from __future__ import annotations

from .columns import Columns
from .prices import Priced, Prices

__all__ = ["Columns", "Priced", "Prices"]
