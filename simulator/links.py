"""Bytes moved between the memory levels of a target, over its links."""

from __future__ import annotations

import heapq

from .target import Link, Target


def level_name(target: Target, name: str) -> str:
    """A level as a call names it: `device` is the device's own memory, and so is `host` where there is no other."""
    known = {level.name for level in target.memory}
    return name if name in known else target.device_memory.name


def transfer_seconds(target: Target, bytes: float, source: str, destination: str) -> float:
    """
    Bytes over the path of links that takes the least, piece by piece: their latencies add up, the slowest says the rate.

    Nothing where both are one memory. Where no link leads from one to the other, both ports say the rate and the latency.
    """
    start, end = level_name(target, source), level_name(target, destination)
    if start == end or bytes <= 0:
        return 0.0
    waiting: list[tuple[float, str, float, float]] = [(0.0, start, float("inf"), 0.0)]
    best: dict[str, float] = {}
    while waiting:
        seconds, place, rate, latency = heapq.heappop(waiting)
        if place == end:
            return seconds
        if best.get(place, float("inf")) <= seconds:
            continue
        best[place] = seconds
        for link in _from(target, place):
            slowest, late = min(rate, link.bandwidth), latency + link.latency
            heapq.heappush(waiting, (late + bytes / slowest, link.destination, slowest, late))
    ports = (target.level(start), target.level(end))
    return sum(port.latency for port in ports) + bytes / min(port.bandwidth for port in ports)


def _from(target: Target, place: str) -> list[Link]:
    return [link for link in target.links if link.source == place]
