"""Bytes moved between the memory levels of a target, over its links."""

from __future__ import annotations

from collections.abc import Sequence

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.shapes import Transfer
from ..compiler.source import NOWHERE
from .target import Link, Target


def way_of(target: Target, shape: Transfer) -> tuple[Link, ...]:
    """The links that a transfer takes, none within one memory. `CompileError` where no links lead there."""
    try:
        return target.route(shape.source, shape.destination)
    except KeyError as error:
        message = f"no links of `{target.name}` lead from `{shape.source}` to `{shape.destination}`, where chunks go"
        hint = "add `[[links]]` to the target"
        raise CompileError([Diagnostic("CC1305", message, (Label(NOWHERE),), hint)]) from error


def way_seconds(way: Sequence[Link], bytes: float) -> float:
    """The latency of each link, and the bytes at the rate of the slowest: parts of a transfer are on all links at once."""
    return sum(link.latency for link in way) + bytes / min(link.bandwidth for link in way)


def chunks_of(target: Target) -> str:
    """The level that chunks come from where nobody says: the host's memory; where that is the device's own, files."""
    levels = [level.name for level in target.memory]
    return "storage" if "host" not in levels and "storage" in levels else "host"
