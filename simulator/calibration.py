"""The file of the machine at hand, from what was measured on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from .constants import Kernel
from .cpu.grids import Grid

SOURCE = "measured by `chunkc calibrate`"


@attrs.frozen
class Facts:
    """What a processor says of itself. `caches`: name and bytes, near to far, of all cores together; `memory` in bytes, `clock`
    in Hz, `call` in seconds (see `CpuConstants`)."""

    title: str
    clock: float
    threads: int
    caches: tuple[tuple[str, float], ...]
    memory: float
    call: float


def target_text(facts: Facts, kernels: Sequence[Kernel]) -> str:
    """A target as TOML: rates are the best that were measured, times those of each kernel over its sizes."""
    lines = [
        f"# {SOURCE} with {facts.threads} thread{'s' if facts.threads > 1 else ''} of torch; times are medians.",
        'kind = "cpu"',
        f"title = {_text(facts.title)}",
        f'clock = {{ value = "{facts.clock / 1e9:.4g} GHz", source = "the processor" }}',
        "",
        "[matrix]",
        f"units = {facts.threads}",
        "",
        "[matrix.macs]",
        *(_rate(dtype, rate / facts.clock / facts.threads, "MAC") for dtype, rate in best_products(kernels).items()),
        "",
        "[vector]",
        f"units = {facts.threads}",
        "",
        "[vector.flops]",
        *(_rate(dtype, rate / facts.clock / facts.threads, "FLOP") for dtype, rate in best_elements(kernels).items()),
    ]
    for name, size, bandwidth in levels(facts, kernels):
        lines += ["", f"[memory.{name}]", f'size = {{ value = "{size / 1024:.10g} KiB", source = "the processor" }}']
        lines += [f'bandwidth = {{ value = "{bandwidth / 1e9:.4g} GB/s", source = "{SOURCE}" }}']
    launch = next(kernel for kernel in kernels if kernel.op == "add").microseconds[0]
    lines += ["", "[launch]", f'host = {{ value = "{launch:.4g} us", source = "{SOURCE}: an op on 64 elements" }}', ""]
    lines += ["[cpu]", f"threads = {facts.threads}", f'call = {{ value = "{facts.call * 1e6:.4g} us", source = "{SOURCE}" }}']
    for kernel in kernels:
        lines += ["", *_kernel(kernel)]
    return "\n".join(lines) + "\n"


def best_products(kernels: Iterable[Kernel]) -> dict[str, float]:
    """By dtype the most multiply-adds a second that any product was done at."""
    found: dict[str, float] = {}
    for kernel in kernels:
        if [axis.name for axis in kernel.axes[-3:]] == ["m", "n", "k"]:
            found[kernel.dtype] = max(found.get(kernel.dtype, 0.0), _best(kernel))
    return found


def best_elements(kernels: Iterable[Kernel]) -> dict[str, float]:
    """By dtype the most elements a second that any op was done at."""
    found: dict[str, float] = {}
    for kernel in kernels:
        if [axis.name for axis in kernel.axes] in (["elements"], ["rows", "length"]) and kernel.dtype:
            found[kernel.dtype] = max(found.get(kernel.dtype, 0.0), _best(kernel))
    return found


def levels(facts: Facts, kernels: Iterable[Kernel]) -> list[tuple[str, float, float]]:
    """Name, bytes and bytes a second of each level: of a copy that fills half of it, read and written, without its launch."""
    copy = next(kernel for kernel in kernels if kernel.op == "copy" and kernel.dtype == "f32")
    grid, found, fastest = Grid.of(copy), [], float("inf")
    largest = copy.axes[0].sizes[-1]
    for name, size in (*facts.caches, ("dram", facts.memory)):
        elements = min(largest, max(1, round(size / 16))) if name != "dram" else largest
        fastest = min(fastest, 8 * elements / max(grid.at(elements) - grid.at(1), 1e-9))
        found.append((name, size, fastest))
    return found


def _best(kernel: Kernel) -> float:
    """The most of the product of its sizes a second at any point of a grid."""
    best, counts = 0.0, [1]
    for axis in kernel.axes:
        counts = [count * size for count in counts for size in axis.sizes]
    for count, time in zip(counts, kernel.microseconds):
        best = max(best, count / (time * 1e-6))
    return best


def _rate(dtype: str, rate: float, what: str) -> str:
    return f'{dtype} = {{ value = "{rate:.5g} {what}/cycle", source = "{SOURCE}: the most" }}'


def _kernel(kernel: Kernel) -> list[str]:
    axes = ", ".join(f'{{ name = "{axis.name}", sizes = {list(axis.sizes)} }}' for axis in kernel.axes)
    said = ["[[cpu.kernels]]", f'op = "{kernel.op}"', f"axes = [{axes}]"]
    said += [f'dtype = "{kernel.dtype}"'] if kernel.dtype else []
    said += ["cold = true"] if kernel.cold else []
    times = ", ".join(repr(float(f"{time:.4g}")) for time in kernel.microseconds)
    return [*said, f"microseconds = [{times}]"]


def _text(text: str) -> str:
    cleaned = "".join(c if c.isprintable() and c not in '"\\' else " " for c in text)
    return f'"{cleaned.strip() or "a processor"}"'
