"""The file of the machine at hand, from what was measured on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from . import target_writing
from .constants import CpuConstants, Kernel, LoadConstants
from .cpu.grids import Grid
from .target import Launch, Level, Link, Matrix, Note, Target, Vector
from .target_listing import entries

SOURCE = "measured by `chunkc calibrate`"


@attrs.frozen
class Files:
    """What loads of files take: the disk's `size` in bytes, `bandwidth` and `latency` of what is not in the page cache, and what
    holds of all."""

    size: float
    bandwidth: float
    latency: float
    constants: LoadConstants


@attrs.frozen
class Facts:
    """What a processor says of itself. `caches`: name and bytes, near to far, of all cores together; `memory` in bytes, `clock`
    in Hz, `call` (see `CpuConstants`) and `launch` in seconds: what one kernel on next to nothing takes in emitted code; `files`:
    where loads were measured."""

    title: str
    clock: float
    threads: int
    caches: tuple[tuple[str, float], ...]
    memory: float
    call: float
    launch: float
    files: Files | None = None


def target_text(facts: Facts, kernels: Sequence[Kernel]) -> str:
    """The target of the machine as TOML."""
    return target_writing.target_text(measured_target(facts, kernels))


def measured_target(facts: Facts, kernels: Sequence[Kernel]) -> Target:
    """A target whose rates are the best that were measured, with the times of each kernel over its sizes."""
    cycles = facts.clock * facts.threads
    macs = {dtype: _rounded(rate / cycles) for dtype, rate in best_products(kernels).items()}
    flops = {dtype: _rounded(rate / cycles) for dtype, rate in best_elements(kernels).items()}
    files, links = facts.files, []
    memory = [Level(name, float(size), _rounded(rate)) for name, size, rate in levels(facts, kernels)]
    if files is not None:
        memory.append(Level("storage", _rounded(files.size), _rounded(files.bandwidth), _rounded(files.latency)))
        links.append(Link("storage", "dram", _rounded(files.bandwidth), _rounded(files.latency)))
    target = Target(
        name="here",
        kind="cpu",
        title=facts.title,
        clock=_rounded(facts.clock),
        matrix=Matrix(facts.threads, macs),
        vector=Vector(facts.threads, flops),
        memory=tuple(memory),
        links=tuple(links),
        launch=Launch(host=_rounded(facts.launch)),
        cpu=CpuConstants(facts.threads, _rounded(facts.call), tuple(map(_short, kernels))),
        loading=None if files is None else LoadConstants(*map(_rounded, attrs.astuple(files.constants))),
    )
    return attrs.evolve(target, notes={entry.path: _note(entry.path) for entry in entries(target) if entry.unit})


def _note(path: str) -> Note:
    """Where a quantity is from."""
    said = path == "clock" or path.endswith(".size")
    best = ": the most" if path.startswith(("matrix.", "vector.")) else ""
    best = ": files, by the loader of modules" if path.startswith(("loading.", "links.", "memory.storage.")) else best
    best = ": a kernel on next to nothing, in emitted code" if path == "launch.host" else best
    return Note("the disk" if path == "memory.storage.size" else "the processor" if said else SOURCE + best)


def _rounded(value: float, digits: int = 4) -> float:
    """A measured number, without digits that say nothing."""
    return float(f"{value:.{digits}g}")


def _short(kernel: Kernel) -> Kernel:
    return attrs.evolve(kernel, microseconds=tuple(map(_rounded, kernel.microseconds)))


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
