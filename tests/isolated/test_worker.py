"""Chunks that run in a process of their own: what they give, and what becomes of the caller when they end."""

import array
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from chunkc.backends.isolated.chunk import IsolatedChunk
from chunkc.backends.isolated.process import Process
from chunkc.compiler.loading.places import Unloadable

CHUNKS = """
import array, ctypes, os, subprocess, sys, time

class Twice:
    def __call__(self, x):
        print("on standard output", flush=True)
        os.write(1, b"and past Python\\n" * 10_000)
        return array.array("f", [2 * value for value in x])

class Shaped:
    def __call__(self, x, y):
        return memoryview(array.array("q", [x.shape[0], x.shape[1], int(y[0]), int(x[1, 2])])).cast("B").cast("q", (2, 2))

def identity(x):
    return x

def ends(x):
    how = int(x[0])
    print("about to end by", how)
    if how == 0: os._exit(3)
    if how == 1: os.kill(os.getpid(), 9)
    if how == 2: ctypes.string_at(0)
    if how == 3: ctypes.PyDLL(None).sleep(1000)     # with the interpreter's lock
    if how == 4: sys.exit(5)
    if how == 5: os.closerange(3, 4096); time.sleep(1000)
    if how == 6: [os.write(fd, b"this is no message") for fd in range(3, 4096) if writable(fd)]
    return x

def writable(fd):
    try:
        return os.fstat(fd).st_mode & 0o10000 and os.write(fd, b"") == 0
    except OSError:
        return False

def raises(x):
    if x[0]:
        raise ValueError("not this one")
    return x

def count(*given):
    return array.array("f", [len(given)])

def no_array(x):
    return "text"

def once(x):
    # Ends the first process that runs it, and no other.
    if not os.path.exists("been.txt"):
        open("been.txt", "w").close()
        os.abort()
    return x

def starts_another(x):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], stdin=subprocess.DEVNULL, close_fds=False)
    os._exit(7)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "chunks.py").write_text(CHUNKS)
    return tmp_path


def chunk_of(folder: Path, name: str, timeout: float = 30.0, **more) -> IsolatedChunk:
    return IsolatedChunk("edges", f"py:chunks:{name}", "py", f"chunks:{name}", folder=str(folder), timeout=timeout, **more)


def floats(*values: float):
    return "f32", (len(values),), memoryview(array.array("f", values)).cast("B")


def values(result) -> list[float]:
    dtype, shape, data = result
    assert dtype == "f32" and len(shape) == 1
    return array.array("f", bytes(data)).tolist()


def left_behind() -> list[str]:
    """Processes that run a worker, of this one."""
    table = subprocess.run(["ps", "-o", "ppid,stat,args", "-e"], capture_output=True, text=True, check=True).stdout
    return [line for line in table.splitlines() if line.split()[0] == str(os.getpid()) and "ps -o" not in line]


def test_a_chunk_runs_elsewhere_and_prints_what_it_likes(folder):
    chunk = chunk_of(folder, "Twice")
    chunk.load()
    assert values(chunk.run([floats(1, 2, 3)])) == [2, 4, 6]
    assert values(chunk.run([floats(*range(5000))])) == [2.0 * value for value in range(5000)]  # memory grows
    assert values(chunk.run([floats(5)])) == [10]
    chunk.close()
    assert values(chunk.run([floats(4)])) == [8]  # and starts again
    chunk.close()


def test_shapes_and_several_inputs(folder):
    chunk = chunk_of(folder, "Shaped")
    x = ("i32", (2, 3), memoryview(array.array("i", range(6))).cast("B"))
    dtype, shape, data = chunk.run([x, floats(7)])
    assert (dtype, shape, array.array("q", bytes(data)).tolist()) == ("i64", (2, 2), [2, 3, 7, 5])
    chunk.close()


@pytest.mark.parametrize(
    "how, told",
    [
        (0, "exit status 3"),
        (1, "SIGKILL"),
        (2, "SIGSEGV"),
        (3, "no answer within 0.3 s"),
        (4, "exit status 5"),
        (6, "what is no answer"),
    ],
)
def test_a_worker_that_ends_is_reported_and_the_caller_lives(folder, how, told):
    chunk = chunk_of(folder, "ends", 0.3 if how == 3 else 30.0)
    with pytest.raises(Unloadable) as caught:
        chunk.run([floats(how)])
    assert caught.value.path == "edges" and caught.value.diagnostic.code == "CC1475"
    assert told in str(caught.value) and f"about to end by {how}" in str(caught.value)
    assert values(chunk.run([floats(9)])) == [9]
    chunk.close()


@pytest.mark.slow
def test_a_worker_that_closes_its_pipes(folder):
    with pytest.raises(Unloadable, match="closed its pipe"):
        chunk_of(folder, "ends").run([floats(5)])


def test_a_worker_that_crashes_once_is_started_again(folder):
    chunk = chunk_of(folder, "once")
    assert values(chunk.run([floats(1, 2)])) == [1, 2] and (folder / "been.txt").exists()
    chunk.close()


def test_an_error_is_told_and_the_worker_serves_on(folder):
    chunk = chunk_of(folder, "raises")
    chunk.load()
    child = chunk._process.child.pid
    with pytest.raises(Unloadable, match="(?s)CC1476.*ValueError: not this one.*in raises"):
        chunk.run([floats(1)])
    assert values(chunk.run([floats(0)])) == [0] and chunk._process.child.pid == child
    chunk.close()
    chunk = chunk_of(folder, "no_array")
    with pytest.raises(Unloadable, match="`str`, which is no array"):
        chunk.run([floats(1)])
    chunk.close()


def test_what_cannot_be_loaded(folder):
    for name, told in (("nothing", "no attribute 'nothing'"), ("Twice", "")):
        (folder / "broken.py").write_text("import not_installed_anywhere")
        target = f"chunks:{name}" if told else "broken:Twice"
        with pytest.raises(Unloadable) as caught:
            IsolatedChunk("edges", f"py:{target}", "py", target, folder=str(folder)).load()
        assert caught.value.diagnostic.code == "CC1474" and told in str(caught.value)
    assert "nothing else is there" in caught.value.diagnostic.hint
    with pytest.raises(Unloadable, match="CC1473"):
        IsolatedChunk("edges", "py:a:b", "py", "a:b", folder=str(folder / "gone")).load()


def test_a_request_is_as_long_as_it_is(folder):
    chunk = chunk_of(folder, "count", names=["a" * 200] * 1000)
    assert values(chunk.run([floats(1)] * 3000)) == [3000]
    chunk.close()


def test_descriptors_have_any_number(folder):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 4096 else max(soft, 4096), hard))
    taken = [os.open("/dev/null", os.O_RDONLY)]
    try:
        while taken[-1] < 1100:
            taken.append(os.dup(taken[0]))
        chunk = chunk_of(folder, "identity")
        assert values(chunk.run([floats(1)])) == [1] and chunk._process.life > 1100
        chunk.close()
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_is_left_open_where_there_are_too_few(folder, monkeypatch):
    before, pipe, made = os.listdir("/proc/self/fd"), os.pipe, []

    def third():
        made.append(pipe())
        if len(made) == 3:
            for end in made.pop():
                os.close(end)
            raise OSError(24, "Too many open files")
        return made[-1]

    monkeypatch.setattr(os, "pipe", third)
    with pytest.raises(Unloadable, match="CC1473.*Too many open files"):
        chunk_of(folder, "identity", python=Path(sys.executable)).load()
    assert os.listdir("/proc/self/fd") == before


def test_threads_take_turns(folder):
    chunk = chunk_of(folder, "identity")
    wrong: list[object] = []

    def calls(mine: int) -> None:
        for count in range(1, 40):
            given = [float(mine)] * (count * mine)
            if (found := values(chunk.run([floats(*given)]))) != given:
                wrong.append(found)

    threads = [threading.Thread(target=calls, args=(mine,)) for mine in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chunk.close()
    assert not wrong


def test_nothing_is_left_behind(folder):
    files, alive = os.listdir("/proc/self/fd"), left_behind()
    for name in ("identity", "starts_another", "ends"):
        chunk = chunk_of(folder, name)
        try:
            chunk.run([floats(1)])
        except Unloadable:
            pass
        chunk.close()
    chunk_of(folder, "identity").load()  # collected while it is open
    assert sorted(os.listdir("/proc/self/fd")) == sorted(files) and left_behind() == alive


def test_a_worker_ends_with_its_caller_even_in_the_middle_of_a_call(folder):
    program = f"""
        import array, threading
        from chunkc.backends.isolated.chunk import IsolatedChunk
        chunk = IsolatedChunk("edges", "py", "py", "chunks:ends", folder={str(folder)!r})
        chunk.load()
        print(chunk._process.child.pid, flush=True)
        chunk.run([("f32", (1,), memoryview(array.array("f", [3])).cast("B"))])
    """
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    worker = int(caller.stdout.readline())
    time.sleep(0.1)
    caller.kill()
    caller.wait()
    caller.stdout.close()
    deadline = time.monotonic() + 10
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(worker)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_forked_process_has_a_worker_of_its_own(folder):
    chunk = chunk_of(folder, "identity")
    assert values(chunk.run([floats(1)])) == [1]
    child = os.fork()
    if not child:
        try:
            right = values(chunk.run([floats(2)])) == [2]
            chunk.close()
            os._exit(0 if right else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert values(chunk.run([floats(3)])) == [3]
    chunk.close()


def test_numpy_arrays_and_onnx_files(folder):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 2]) for name in ("a", "b", "y")]
    graph = helper.make_graph([helper.make_node("Sub", ["a", "b"], ["y"])], "g", sides[:2], sides[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "minus.onnx"))
    here = Path(sys.executable)
    file = str(folder / "minus.onnx")
    chunk = IsolatedChunk("edges", "onnx:minus.onnx", "onnx", file, names=("b", "a"), python=here)
    assert chunk.load() == {
        "inputs": [["b", "tensor(float)", ["B", 2]], ["a", "tensor(float)", ["B", 2]]],
        "outputs": [["y", "tensor(float)", ["B", 2]]],
    }
    given = [np.float32([[1, 2]]), np.float32([[10, 30]])]
    dtype, shape, data = chunk.run([("f32", (1, 2), memoryview(one.tobytes())) for one in given])
    assert (dtype, shape) == ("f32", (1, 2)) and np.frombuffer(data, np.float32).tolist() == [9, 28]
    chunk.close()
    file = folder / "broken.onnx"
    file.write_bytes(b"no model")
    with pytest.raises(Unloadable, match="CC1474"):
        IsolatedChunk("edges", "onnx:broken.onnx", "onnx", str(file), python=here).load()


def test_a_segment_does_not_shrink(folder):
    process = Process(Path(sys.executable))
    process.given.put([memoryview(b"1234")])
    with pytest.raises(PermissionError):
        os.ftruncate(process.given.fd, 1)
    process.close()
