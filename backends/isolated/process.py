"""One worker process: started, asked with a deadline, ended. It never outlives its caller, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import worker

Array = tuple[str, tuple[int, ...], memoryview]
"""dtype as the language has it, shape, and the bytes, row-major."""

ALIGNED = 64
KEPT = 1 << 14
"""Bytes of what a worker wrote to its output that are kept to be told: the last."""


class Ended(Exception):
    """The worker has gone, or is ended because it said nothing in time. `how`: exit status, signal or deadline; `last`: the last
    lines that it wrote."""

    def __init__(self, how: str, last: Sequence[str], late: bool = False):
        self.how, self.last, self.late = how, tuple(last), late
        super().__init__(how)


class Raised(Exception):
    """What the chunk raised, as text. `trace`: its last lines."""

    def __init__(self, error: str, trace: Sequence[str]):
        self.trace = tuple(trace)
        super().__init__(error)


class Segment:
    """A file without a name, in memory: shared by handing on its descriptor, and gone with the last process that has it. It
    only grows; the kernel holds the other side to that, so that what is mapped here can be read."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self.fd = os.memfd_create("chunkc", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        else:
            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())
        self.map: mmap.mmap | None = None

    def mapped(self, size: int) -> mmap.mmap:
        """At least `size` bytes of it. `OSError` where there is no memory for them, or the file ends before."""
        if self.map is None or len(self.map) < size:
            self.map = mmap.mmap(self.fd, os.fstat(self.fd).st_size if size else 1)
        if len(self.map) < size:
            raise OSError(f"{size:,} bytes were to be read, and there are {len(self.map):,}")
        return self.map

    def put(self, parts: Sequence[memoryview]) -> list[int]:
        """Where each part begins, one behind the other."""
        starts, size = [], 0
        for part in parts:
            starts.append(size)
            size += -(-part.nbytes // ALIGNED) * ALIGNED
        worker.size_of(self.fd, max(size, ALIGNED))
        memory = self.mapped(max(size, ALIGNED))
        for start, part in zip(starts, parts):
            memory[start : start + part.nbytes] = part
        return starts

    def close(self) -> None:
        self.map = None
        os.close(self.fd)


class Process:
    """A worker that runs in another interpreter. One thread at a time asks it."""

    def __init__(self, python: Path, folder: str = ""):
        self.output = b""
        with ExitStack() as ours, ExitStack() as theirs:
            self.given, self.made = _segment(ours), _segment(ours)
            asked, self.requests = _pipe(theirs, ours)
            self.replies, answered = _pipe(ours, theirs)
            ends, self.life = _pipe(theirs, ours)
            # It may be long, and is written as fast as it is read.
            os.set_blocking(self.requests, False)
            passed = (asked, answered, ends, self.given.fd, self.made.fd)
            # -I: neither our PYTHONPATH nor the user's packages, but those of the environment; -u: what it prints is not lost
            # with it. A session of its own: what the terminal interrupts is us, and what it starts can be ended with it.
            self.child = subprocess.Popen(
                [str(python), "-I", "-u", worker.__file__, *map(str, passed)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder or None,
                pass_fds=passed,
                start_new_session=True,
            )
            ours.pop_all()
        assert self.child.stdout is not None
        self.printed = self.child.stdout.fileno()

    # ---- asking

    def load(self, message: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Has it load a chunk; gives what the chunk says of itself. `Ended`, `Raised`."""
        return self._ask({"do": "load", **message}, timeout)

    def run(self, inputs: Sequence[Array], timeout: float) -> tuple[str, tuple[int, ...], bytearray]:
        """What the chunk makes of `inputs`, copied out of shared memory. `Ended`, `Raised`."""
        starts = self.given.put([data for _, _, data in inputs])
        told = [{"dtype": dtype, "shape": shape, "start": at} for (dtype, shape, _), at in zip(inputs, starts)]
        reply = self._ask({"do": "run", "inputs": told, "size": os.fstat(self.given.fd).st_size}, timeout)
        try:
            dtype, shape, count = str(reply["dtype"]), tuple(map(int, reply["shape"])), int(reply["bytes"])
            expected = worker.BYTES[dtype]
            for size in shape:
                expected *= size
            if min(shape, default=0) < 0 or count != expected:
                raise ValueError(f"{count} bytes for {dtype}{list(shape)}")
            return dtype, shape, bytearray(memoryview(self.made.mapped(count))[:count]) if count else bytearray()
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise self._ended(f"it answered what cannot be: {error}") from None

    def _ask(self, message: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        self._send(worker.framed(message), deadline, timeout)
        reply = self._reply(deadline, timeout)
        if "error" in reply:
            raise Raised(str(reply["error"]), list(map(str, reply.get("trace", ()))))
        return reply

    def _send(self, data: bytes, deadline: float, timeout: float) -> None:
        """Writes a request, as much at a time as the pipe takes."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self.requests, rest) :]
            except BlockingIOError:
                ready = self._wait(self._left(deadline, timeout), writes=self.requests)
                if self.requests not in ready and self._gone():
                    raise self._ended() from None
            except BrokenPipeError:
                raise self._ended() from None

    def _left(self, deadline: float, timeout: float) -> float:
        """For how many seconds to wait at a time. `Ended` behind the deadline."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._ended(f"it gave no answer within {timeout:g} s, and was ended", late=True)
        return min(left, 0.1)

    def _reply(self, deadline: float, timeout: float) -> dict[str, Any]:
        """The next message, waited for until `deadline`, while what it prints is taken in."""
        data = b""
        while (missing := _missing(data)) > 0:
            ready = self._wait(self._left(deadline, timeout), self.replies)
            if self.replies in ready:
                more = os.read(self.replies, missing)
                if not more:
                    raise self._ended()
                data += more
            elif self._gone():
                # A process that it has started may hold the pipe open.
                raise self._ended()
        try:
            reply = json.loads(data[worker.LENGTH.size :])
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise self._ended("it wrote what is no answer")
        return reply

    def _wait(self, seconds: float, *fds: int, writes: int = -1) -> list[int]:
        """Which of `fds` can be read, or whether `writes` can be written to; what it printed is taken in meanwhile."""
        poll = select.poll()
        for fd in {*fds, self.printed} if self.printed >= 0 else fds:
            poll.register(fd, select.POLLIN)
        if writes >= 0:
            poll.register(writes, select.POLLOUT)
        ready = [fd for fd, _ in poll.poll(seconds * 1000)]
        if self.printed in ready:
            more = os.read(self.printed, 1 << 16)
            self.output = (self.output + more)[-KEPT:]
            if not more:
                self.printed = -1
        return ready

    # ---- its end

    def _ended(self, how: str = "", late: bool = False) -> Ended:
        """Why it is gone, and that it is."""
        if not how and not self._gone(1):
            how = "it closed its pipe, and was ended"
        while self.printed >= 0 and self.printed in self._wait(0):
            pass
        self.kill()
        status = self.child.returncode
        if not how:
            how = f"it was ended by {_signal(-status)}" if status < 0 else f"it left with exit status {status}"
        return Ended(how, self.output.decode(errors="replace").strip().splitlines()[-8:], late)

    def _gone(self, seconds: float = 0) -> bool:
        """Whether it has left, waited for so long. Its number stays taken until `kill` asks for its status: what is ended there
        with it is then nobody else's."""
        until = time.monotonic() + seconds
        while True:
            try:
                if os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return True
            except ChildProcessError:
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(0.005)

    def close(self) -> None:
        """Lets it go: it is told that nothing more comes, and has a second to leave."""
        if self.requests < 0:
            return
        os.close(self.requests)
        self.requests = -1
        self._gone(1)
        self.kill()

    def kill(self) -> None:
        """Ends it and what it has started, at once."""
        if self.life < 0:
            return
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self._close()
        if self.child.stdout is not None:
            self.child.stdout.close()

    def abandon(self) -> None:
        """In a process that was forked off: it is our parent's, who ends it."""
        self.child.returncode = 0
        self._close()

    def _close(self) -> None:
        self.given.close()
        self.made.close()
        for fd in (self.requests, self.replies, self.life):
            if fd >= 0:
                os.close(fd)
        self.requests = self.replies = self.life = -1


def _segment(stack: ExitStack) -> Segment:
    """A file in memory that goes with the stack."""
    segment = Segment()
    stack.callback(segment.close)
    return segment


def _pipe(reading: ExitStack, writing: ExitStack) -> tuple[int, int]:
    """A pipe, whose ends go with these stacks."""
    ends = os.pipe()
    for stack, end in zip((reading, writing), ends):
        stack.callback(os.close, end)
    return ends


def _missing(data: bytes) -> int:
    """How many bytes of a message are to come; none, where it is longer than any."""
    if len(data) < worker.LENGTH.size:
        return worker.LENGTH.size - len(data)
    length = int(worker.LENGTH.unpack_from(data)[0])
    return length + worker.LENGTH.size - len(data) if length < worker.LONGEST else 0


def _signal(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"
