"""Constants of the cost models on a device, which a target's file holds in tables of their own. Most are fitted on measured
tables, and said to be; at most twelve a device."""

from __future__ import annotations

import attrs


@attrs.frozen
class GemmConstants:
    """Of dense products on a GPU."""


@attrs.frozen
class GroupedConstants:
    """Of ragged products on a GPU."""


@attrs.frozen
class AttentionConstants:
    """Of flash attention on a GPU."""


@attrs.frozen
class CpuConstants:
    """Of a processor."""
