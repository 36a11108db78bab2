"""`kernel`, `bare_kernel` and `part`: plain functions over floats and flat arrays, compiled by numba and kept on disk.

numba's own `cache=True` asks whether the file of a function changed, not the files of what it calls, and so serves stale code.
Here the folder is named by a hash of all files of this room that hold kernels. What a kernel reads besides its arguments
therefore stands in such a file (a test holds that). Nothing of the user's numba settings is touched.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])

ROOM = Path(__file__).parent
KEPT = 32
"""Folders of other versions of the sources that are left on disk, the latest used ones."""


def kernel(function: F) -> F:
    """
    Compiles a function for the types it is first called with; later processes load what the first compiled.

    No fastmath: sums are taken in the order written, so that results are the same on every machine. A division by zero raises.
    """
    return _kept(numba.njit(function), function)


def bare_kernel(function: F) -> F:
    """
    A kernel that makes no arrays, and so needs not count who holds them.

    Worth it where parts are called often with tuples of many arrays: the event engine is 25 times faster for it (measured).
    """
    return _kept(numba.njit(_nrt=False)(function), function)  # type: ignore[call-overload]


def _kept(compiled: F, function: F) -> F:
    """With our cache."""
    folder = cache_folder()
    if folder is not None and isinstance(compiled, Dispatcher):  # NUMBA_DISABLE_JIT gives the function itself
        compiled._cache = _KernelCache(function, folder)  # type: ignore[attr-defined]
    return compiled


def part(function: F) -> F:
    """
    What kernels call: compiled into them, without the way in from Python, which takes half the time to compile. Makes no arrays.

    Called from Python it is the function itself, not compiled.
    """
    return register_jitable(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def kernel_sources(room: Path = ROOM) -> list[Path]:
    """The files under `room` that hold kernels or parts of them, and this one, in order of their paths."""
    mark = b"compiled import "  # which stands here too: how kernels are compiled is part of them
    return [path for path in sorted(room.rglob("*.py")) if mark in path.read_bytes()]


def key_of(sources: Iterable[Path], room: Path = ROOM) -> str:
    """A hash of the sources, their places, and the versions of what compiles them."""
    digest = hashlib.sha256(f"{sys.version} {numba.__version__}".encode())
    for path in sources:
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(room).as_posix()} {len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


@functools.cache
def cache_folder() -> Path | None:
    """The folder of this version's kernels, made if absent; None if neither the user's cache nor a temporary one can be."""
    key = key_of(kernel_sources())
    for root in (_user_cache(), _temporary()):
        try:
            folder = root / key
            fresh = not folder.exists()
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _ours(root):
                continue
            folder.mkdir(exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)  # used now: `prune` leaves it
            if fresh:
                prune(root)
        except OSError:  # read-only or full: try the next
            continue
        return folder
    return None


def prune(root: Path, kept: int = KEPT) -> None:
    """Removes all but the `kept` latest used folders. Who still runs one of the removed compiles again."""
    used = []
    for folder in root.iterdir():
        try:
            used.append((folder.stat().st_mtime, folder))
        except OSError:  # removed meanwhile by another process
            continue
    for _, folder in sorted(used, reverse=True)[kept:]:
        shutil.rmtree(folder, ignore_errors=True)


def _user_cache() -> Path:
    """`$XDG_CACHE_HOME/chunkc/kernels`, else `~/.cache/chunkc/kernels`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "chunkc" / "kernels"


def _temporary() -> Path:
    """A folder of this user under the system's temporary one."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"chunkc-kernels-{user}"


def _ours(root: Path) -> bool:
    """Whether only this user can write there: code is loaded from it."""
    if not hasattr(os, "getuid"):
        return True
    stat = root.stat()
    return stat.st_uid == os.getuid() and not stat.st_mode & 0o022


class _KernelFiles(IndexDataCacheFile):
    """
    One file a function and signature.

    numba's own index numbers its files, and two processes that save at once can give one number to two signatures.
    """

    def save(self, key: object, data: object) -> None:
        self._save_data(self._name(key), data)

    def load(self, key: object) -> Any:
        try:
            return self._load_data(self._name(key))
        except FileNotFoundError:
            return None

    def _name(self, key: object) -> str:
        return f"{self._index_name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}"


class _KernelImpl(CompileResultCacheImpl):
    """What numba needs to pack and unpack a compiled function; where it lies is not asked here."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._lineno = function.__code__.co_firstlineno


class _KernelCache(FunctionCache):
    """numba's cache of one function, in our folder."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._name, self._py_func, self._impl = repr(function), function, _KernelImpl(function)
        self._cache_path = str(folder)
        self._cache_file = _KernelFiles(str(folder), f"{function.__module__}.{function.__qualname__}", None)
        self.enable()

    def _save_overload(self, sig: Any, data: Any) -> None:
        if not self._impl.check_cachable(data):
            return
        try:
            self._cache_file.save(self._index_key(sig, data.codegen), self._impl.reduce(data))
        except OSError:  # the disk is full, or another process pruned the folder: compiled for this process only
            pass
