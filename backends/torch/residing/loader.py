"""The loader: one thread that brings parcels into memory and gives them back, in the order in which it is told."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue

import torch
from torch import Tensor, nn

from ....compiler.loading.places import Blob, TensorPlace, Unloadable
from ..foreign.chunks import Runners
from ..foreign.runners import Foreign
from ..tensors import Loan
from .direct import Cache
from .mapping import Cancelled, Extent, Held
from .parcels import REPAIR, Parcel, Part, told
from .replicas import DTYPES, Replica, lend
from .rows import ROWS, Rows
from .verified import VERIFIED, Stamp, is_known, stamp_of


@dataclass(slots=True, eq=False)
class Job:
    """One load. `error`: why it failed; `seconds`: what it took; `verified`: whether it hashed a file."""

    parcel: Parcel
    runners: Runners | None = None
    """None: its parameters are wanted alone."""
    pinned: bool = False
    """Whether they are to lie in memory that a device reads by itself."""
    cache: Cache | None = None
    """What is known of the page cache, where it may be passed by."""
    done: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    error: Exception | None = None
    seconds: float = 0.0
    verified: bool = False
    tensors: dict[str, nn.Parameter] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    """Those whose runners it has taken."""
    stamps: list[tuple[str, Stamp, Part]] = field(default_factory=list)
    """The files that lie mapped, as they were, and what of."""

    def look(self) -> None:
        if self.cancelled:
            raise Cancelled

    def run(self) -> None:
        """Brings all of it into memory."""
        begun = time.perf_counter()
        try:
            self.look()
            if self.parcel.fault is not None:
                raise Unloadable(self.parcel.fault[0].path, self.parcel.fault[1])
            self.bring()
            if self.runners is not None:
                self._take(self.runners)
        except Cancelled:
            self.give_back()
        except Unloadable as error:
            self.give_back()
            self.error = error
        except OSError as error:
            self.give_back()
            self.error = unread(self.parcel.part(()), error)
        except BaseException as error:
            # Whoever waits for it is to see it; an exit that the code of others asks for is none of this thread.
            self.give_back()
            self.error = error if isinstance(error, Exception) else RuntimeError(f"loading `{self.parcel.path}`: {error!r}")
        finally:
            self.seconds = time.perf_counter() - begun

    def bring(self) -> None:
        """Its tensors: out of their files."""
        by_file: dict[Blob, dict[str, TensorPlace]] = {}
        for name, place in self.parcel.places.items():
            by_file.setdefault(place.blob, {})[name] = place
        for blob, places in by_file.items():
            part = self.parcel.part(places)
            try:
                self._read(blob, places, part)
            except OSError as error:
                raise unread(part, error) from error

    def _read(self, blob: Blob, places: Mapping[str, TensorPlace], part: Part) -> None:
        file = os.open(blob.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise failed(part, "CC1450", f"`{blob.path}` is no file")
            if found.st_size != blob.bytes:
                message = f"`{blob.path}` has {found.st_size:,} bytes, and {blob.bytes:,} were stored"
                raise failed(part, "CC1451", message)
            extents = {name: Extent.of(place) for name, place in places.items()}
            stamp = stamp_of(found)
            # What is to be hashed is read through the page cache: the whole file is.
            known = not blob.sha256 or VERIFIED.get(stamp) == blob.sha256
            held = Held(self.pinned, cache=self.cache, verified=known)
            self.held.append(held)
            apart = self.parcel.partial & places.keys()
            at_once = [extent for name, extent in extents.items() if name not in apart]
            held.read(file, at_once, self.look, exactly=bool(apart), path=blob.path)
            reserved = {name: held.reserve(file, extents[name]) for name in apart}
            self._verify(blob, held, file, stamp, part)
            if any(piece.mapped for piece in held.pieces):
                self.stamps.append((blob.path, stamp, part))
        finally:
            os.close(file)
        for name, extent in extents.items():
            place = places[name]
            piece = reserved.get(name)
            data = held.bytes_of(extent) if piece is None else piece.bytes_of(extent)
            tensor = data.view(DTYPES[place.dtype]).reshape(place.shape)
            self.tensors[name] = lend(tensor, Loan(blob.sha256, place.start) if self.parcel.goes else None)
            if piece is not None:
                rows = Rows(piece, extent.start - piece.start, place.shape[0], place.bytes, partial(unread, part))
                self.tensors[name].__dict__[ROWS] = rows

    def _take(self, runners: Runners) -> None:
        """Brings what runs its other chunks into memory."""
        for chunk in self.parcel.foreign:
            self.look()
            if self.cache is not None:
                self.cache.regions.release()
            self.verified = self.verified or not all(map(is_known, chunk.place.blobs))
            runners.take(chunk)
            self.foreign.append(chunk)

    def _verify(self, blob: Blob, held: Held, file: int, stamp: Stamp, part: Part) -> None:
        if blob.sha256 and VERIFIED.get(stamp) != blob.sha256:
            self.verified = True
            digest = held.digest(file, blob.bytes, self.look)
            if digest != blob.sha256:
                message = (
                    f"the bytes of `{blob.path}` are not those that were stored: sha256 {digest[:12]}…, not {blob.sha256[:12]}…"
                )
                raise failed(part, "CC1452", message)
            VERIFIED[stamp] = digest

    def check(self) -> None:
        """Raises what went wrong."""
        if self.error is not None:
            raise self.error

    def look_again(self) -> None:
        """Raises where a file was written to since it was mapped: what is computed would change, and the process end where
        a page is read that is there no more. (A file that is replaced by another of its name leaves what is mapped as it is.)"""
        for path, stamp, part in self.stamps:
            try:
                now = stamp_of(os.stat(path))
            except OSError:
                continue  # removed: what is mapped stays
            if now != stamp and now[:2] == stamp[:2]:
                message = f"`{path}` was written to while it was in use"
                raise failed(part, "CC1452", message)

    def give_back(self) -> None:
        """The memory goes."""
        self.tensors.clear()
        for held in self.held:
            held.drop()
        self.held.clear()
        while self.runners is not None and self.foreign:
            self.runners.give(self.foreign.pop())


def failed(part: Part, code: str, message: str, hint: str = REPAIR) -> Unloadable:
    """What is to be raised where a part of a parcel cannot be had."""
    return Unloadable(part.path, told(code, message, part.stored, hint))


def unread(part: Part, error: OSError) -> Unloadable:
    """The same of a file that the system does not read, now or later."""
    if error.errno == errno.ENOENT:
        return failed(part, "CC1450", f"there is no file `{error.filename}`")
    if error.errno in (errno.EFAULT, errno.EIO):
        return failed(part, "CC1451", "its file ends, or cannot be read, before all of it is there")
    return failed(part, "CC1450", f"it cannot be read: {error.strerror}", "look at the file's rights and its disk")


Told = SimpleQueue[Callable[[], None] | None]


class Loader:
    """A `Mover` (`compiler/loading/residents.py`). What is loaded is bound into all replicas that run on it.

    The thread begins with the first load and ends with `close`."""

    def __init__(self, runners: Runners | None = None, *, pinned: bool = False) -> None:
        self.runners, self.pinned = runners, pinned
        self.cache = None if pinned else Cache()
        self.parcels: dict[str, Parcel] = {}
        """By key: what can be loaded."""
        self.jobs: dict[str, Job] = {}
        """By key: what is loaded, or on its way."""
        self.lock = threading.Lock()
        """Of what is bound where."""
        self.replicas: weakref.WeakSet[Replica] = weakref.WeakSet()
        self._told: Told = SimpleQueue()
        self._thread: threading.Thread | None = None

    # ---- what it is told, under the lock of the residents

    def load(self, key: str) -> None:
        if key in self.parcels:
            self.jobs[key] = job = self.job(key)
            self._tell(lambda: self._load(key, job))

    def job(self, key: str) -> Job:
        """What loads a chunk."""
        return Job(self.parcels[key], self.runners, self.pinned, self.cache)

    def drop(self, key: str) -> None:
        job = self.jobs.pop(key, None)
        if job is not None:
            job.cancelled = True
            self._tell(lambda: self._drop(key, job))

    def wait(self, key: str) -> float:
        job = self.jobs.get(key)
        if job is None:
            return 0.0
        waited = 0.0
        if not job.done.is_set():
            begun = time.perf_counter()
            self._begin()
            job.done.wait()
            waited = time.perf_counter() - begun
        job.check()
        job.look_again()
        return waited

    def _tell(self, what: Callable[[], None]) -> None:
        self._told.put(what)
        self._begin()

    def _begin(self) -> None:
        """The thread is there, unless the system has none to give (`RuntimeError`): who waits tries again."""
        with self.lock:
            if self._thread is None:
                thread = threading.Thread(target=_serve, args=(self._told,), name="chunkc-loader", daemon=True)
                thread.start()
                self._thread = thread

    def close(self) -> None:
        """Ends the thread, behind what it was told before. (A collection of garbage may call it, at any moment in any thread: so
        it takes no lock.)"""
        self._told.put(None)
        if self.cache is not None:
            self.cache.regions.close()

    # ---- in the thread

    def _load(self, key: str, job: Job) -> None:
        job.run()
        with self.lock:
            for replica in self.replicas:
                replica.bind(key, job.tensors)
            # Not later: a replica that joins is given what is done.
            job.done.set()
        for held in job.held:
            held.touch(self._told.empty)

    def _drop(self, key: str, job: Job) -> None:
        with self.lock:
            for replica in self.replicas:
                replica.unbind(key)
        job.give_back()

    def join(self, replica: Replica) -> None:
        """From here on a replica is given what is loaded, and all that is there."""
        with self.lock:
            self.replicas.add(replica)
            for key, job in list(self.jobs.items()):
                if job.done.is_set():
                    replica.bind(key, job.tensors)


def _serve(told: Told) -> None:
    """The thread holds nothing of its loader between two loads. What fails here is told as of any thread, and ends none: others
    wait for what comes behind it."""
    while (what := told.get()) is not None:
        try:
            what()
        except BaseException:
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        del what


def read(parcel: Parcel) -> dict[str, Tensor]:
    """The parameters of a parcel by their paths, in memory of their own. `Unloadable` if they cannot be loaded."""
    job = Job(replace(parcel, partial=frozenset()))
    job.run()
    job.check()
    with torch.no_grad():
        found = {name: tensor.detach().clone() for name, tensor in job.tensors.items()}
    job.give_back()
    return found
