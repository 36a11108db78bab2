"""A chunk that runs in a process of its own, which may end at any time: it is started again once, then reported."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.loading.handles import place_of, refused
from ...compiler.loading.places import Unloadable
from .environments import interpreter
from .process import Array, Ended, Process, Raised

T = TypeVar("T")
TIMEOUT = "CHUNKC_WORKER_TIMEOUT"
"""The environment variable that says for how many seconds a worker is waited for."""


def default_timeout() -> float:
    """Seconds: `$CHUNKC_WORKER_TIMEOUT`, else 300. `CompileError` (CC1478) where that is no number above 0."""
    text = os.environ.get(TIMEOUT) or "300"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        hint = "write seconds, as `60`, or `inf`"
        raise refused("CC1478", f"`{TIMEOUT}` is to be a number of seconds, and is `{text}`", text, hint=hint, what=TIMEOUT)
    return seconds


class IsolatedChunk:
    """What runs `target` (an ONNX file, or `module:Class`) in the environment of `requires`.

    - `path`, `handle`: of the chunk in the model, and as the spec writes it: what errors name;
    - `folder`: where a `py` module may lie; `names`: of the inputs in the spec; `threads`: for onnxruntime;
    - `timeout`: seconds for one answer (a load or a call); None: `default_timeout()`;
    - `allowed`: whether an environment with packages may be made; `offline`: nothing is fetched for it; `python`: another
      interpreter than that environment's.

    Several threads may call: they take turns. All methods but `close` raise `Unloadable` (CC1470 to CC1476).
    """

    def __init__(
        self,
        path: str,
        handle: str,
        kind: str,
        target: str,
        requires: Sequence[str] = (),
        *,
        folder: str = "",
        names: Sequence[str] = (),
        threads: int = 1,
        timeout: float | None = None,
        allowed: bool = False,
        offline: bool = False,
        python: Path | None = None,
    ):
        self.path, self.handle, self.requires = path, handle, tuple(requires)
        self.allowed, self.offline, self.python = allowed, offline, python
        self.folder = folder
        self.about = {"kind": kind, "target": target, "folder": folder, "names": list(names), "threads": threads}
        self.timeout = default_timeout() if timeout is None else timeout
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._owner = os.getpid()
        self._finalize: weakref.finalize[..., IsolatedChunk] | None = None
        self._facts: dict[str, Any] = {}
        self._loaded = False
        """Whether the last worker came so far."""
        self._home = ""
        """The folder of its environment; "": another interpreter was given, or there is none yet."""

    def load(self) -> dict[str, Any]:
        """Makes the environment if need be, starts the worker, and has it load the chunk, unless that is done. Gives what an
        ONNX file says of itself: its `inputs` and `outputs`, each [name, type, shape]."""
        return self._twice(lambda process: self._facts)

    def run(self, inputs: Sequence[Array]) -> tuple[str, tuple[int, ...], bytearray]:
        """What the chunk makes of these, as dtype, shape and bytes."""
        return self._twice(lambda process: process.run(inputs, self.timeout))

    def close(self) -> None:
        """Ends the worker. The next call starts another one."""
        with self._own():
            self._drop(Process.close)

    # ---- the worker

    def _own(self) -> threading.Lock:
        """The lock; in a process that was forked off, with nothing behind it: the worker is our parent's."""
        if self._owner != os.getpid():
            self._owner, self._lock = os.getpid(), threading.Lock()
            self._drop(Process.abandon)
        return self._lock

    def _drop(self, end: Callable[[Process], None]) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process)
        if self._finalize is not None:
            self._finalize.detach()

    def _twice(self, use: Callable[[Process], T]) -> T:
        """Uses the worker; another one, if it ends meanwhile."""
        with self._own():
            try:
                try:
                    return use(self._ready())
                except Ended:
                    self._drop(Process.kill)
                return use(self._ready())
            except Ended as end:
                self._drop(Process.kill)
                raise self._ended(end) from None
            except Raised as error:
                raise self._raised(error) from None
            except OSError as error:
                self._drop(Process.kill)
                raise self._failure("CC1473", f"its worker cannot be started or reached: {error}", self._damage()) from error
            except CompileError as error:
                raise Unloadable(self.path, error.diagnostics[0]) from error
            except BaseException:
                # An interrupt: half a call lies in the pipes.
                self._drop(Process.kill)
                raise

    def _ready(self) -> Process:
        """The worker with the chunk loaded."""
        if self._process is None:
            self._home, self._loaded = "", False
            python = self.python or interpreter(self.requires, allowed=self.allowed, offline=self.offline)
            self._home = "" if self.python else str(python.parent.parent)
            process = self._process = Process(python, self.folder)
            self._finalize = weakref.finalize(self, _end, process, os.getpid())
            try:
                self._facts = process.load(self.about, self.timeout)
            except Raised as error:
                self._drop(Process.kill)
                missing = "No module named" in str(error)
                hint = "what it imports is to stand in what it `requires`: nothing else is there" if missing else ""
                hint += f"; {self._damage()}" if missing and self._home else ""
                raise self._failure("CC1474", f"it cannot be loaded in its environment: {_told(error)}", hint) from None
            self._loaded = True
        return self._process

    def _damage(self) -> str:
        """What to do where it did not come so far that it could be called."""
        return "" if self._loaded or not self._home else f"if its environment is damaged, delete `{self._home}`: it is made anew"

    # ---- what is said

    def _failure(self, code: str, message: str, hint: str = "") -> Unloadable:
        return Unloadable(self.path, Diagnostic(code, message, (Label(place_of(self.handle)),), hint))

    def _ended(self, end: Ended) -> Unloadable:
        last = "".join(f"\n    {line}" for line in end.last)
        message = f"its worker was started again, and ended a second time: {end.how}"
        message += f"; its last lines:{last}" if last else ""
        hint = f"a longer one is set by `{TIMEOUT}`, in seconds" if end.late else self._damage()
        return self._failure("CC1475", message, hint)

    def _raised(self, error: Raised) -> Unloadable:
        return self._failure("CC1476", f"it raised {_told(error)}")


def _told(error: Raised) -> str:
    return str(error) + "".join(f"\n    {line}" for line in error.trace)


def _end(process: Process, owner: int) -> None:
    """When the chunk is collected or the interpreter ends."""
    if os.getpid() == owner:
        process.close()
