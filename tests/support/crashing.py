"""A process of its own that stops at its n-th step on the disk: killed, or with an error of the system."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

STEPS = ("open", "write", "fsync", "fchmod", "rename", "unlink", "mkdir")


def counted(at: int, stop: Callable[[], None], real: dict[str, Callable]) -> None:
    """Lets `stop` happen before the step of that number (from 0 on)."""
    count = iter(range(sys.maxsize))

    def step(name):
        def run(*arguments, **options):
            reads = name == "open" and not arguments[1] & os.O_CREAT
            if not reads and next(count) == at:
                stop()
            return real[name](*arguments, **options)

        return run

    for name in STEPS:
        setattr(os, name, step(name))


def in_child(work: Callable[[], None]) -> int:
    """What a forked process ended with: its exit status, or minus the signal. It dies without cleaning up."""
    return ended(begun(work))


def begun(work: Callable[[], None]) -> int:
    """A forked process that is at work: its number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    return child


def ended(child: int) -> int:
    """Waits for it: its exit status, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(at: int, work: Callable[[], None]) -> bool:
    """Whether a process that does this was killed (signal 9) before its step `at`; else it did all of it."""

    def run():
        counted(at, lambda: os.kill(os.getpid(), signal.SIGKILL), {name: getattr(os, name) for name in STEPS})
        work()

    status = in_child(run)
    assert status in (0, -signal.SIGKILL)
    return status != 0


def refused(error: int) -> None:
    """An error of the system."""
    raise OSError(error, os.strerror(error))
