"""What the processor at hand says of itself, as far as the system tells."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPU = Path("/sys/devices/system/cpu")


def title() -> str:
    """The processor's name."""
    return _of_cpuinfo("model name") or platform.processor() or platform.machine()


def clock() -> float:
    """In Hz; 1 GHz where the system does not say (rates a second stay right: they are given by the cycle)."""
    told = _of_cpuinfo("cpu MHz")
    return float(told) * 1e6 if told else 1e9


def caches() -> tuple[tuple[str, float], ...]:
    """Name and bytes of each level that holds data, of all cores together, near to far."""
    found: dict[int, float] = {}
    seen: set[tuple[int, str]] = set()
    for index in sorted(CPU.glob("cpu[0-9]*/cache/index*")):
        kind, level = _read(index / "type"), _read(index / "level")
        size, shared = _read(index / "size"), _read(index / "shared_cpu_list")
        if kind in ("Data", "Unified") and level.isdigit() and size[:-1].isdigit() and (int(level), shared) not in seen:
            seen.add((int(level), shared))
            scale = {"K": 1024, "M": 1024**2}.get(size[-1], 1)
            found[int(level)] = found.get(int(level), 0) + int(size[:-1]) * scale
    return tuple((f"l{level}", size) for level, size in sorted(found.items()))


def memory() -> float:
    """Bytes of memory; 8 GiB where the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return float(8 << 30)


def _of_cpuinfo(key: str) -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
