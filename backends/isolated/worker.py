"""The other side of an isolated chunk: a script that the interpreter of the chunk's environment runs.

It stands alone: it imports nothing of the package, and beside the standard library only what the chunk brings. Arguments are five
file descriptors: requests and replies (pipes), one that ends with the caller, and two files of shared memory, for what is given
and what is made. Messages are a length (4 bytes, little-endian) and JSON in UTF-8:

    {"do": "load", "kind": "py", "target": "module:Class", "folder": "/of/it", "names": ["x"], "threads": 4}
      -> {"inputs": [], "outputs": []}          what an ONNX file says of itself: name, type, shape
    {"do": "run", "inputs": [{"dtype": "f32", "shape": [2, 3], "start": 0}], "size": 64}
      -> {"dtype": "f32", "shape": [2], "bytes": 8}, or {"error": "ValueError: …", "trace": ["…"]}
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import json
import mmap
import os
import select
import struct
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LENGTH = struct.Struct("<I")
LONGEST = 1 << 26
"""Bytes of a message: what says that it is longer is none."""

BYTES = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2, "i64": 8, "i32": 4, "bool": 1}
NUMPY = {"f64": "float64", "f32": "float32", "f16": "float16", "i64": "int64", "i32": "int32", "bool": "bool"}
TORCH = {**NUMPY, "bf16": "bfloat16"}
FORMATS = {"f64": "d", "f32": "f", "i64": "q", "i32": "i", "bool": "?"}

Message = dict[str, Any]


# ---- messages


def framed(message: Mapping[str, Any]) -> bytes:
    """The bytes of a message. `ValueError` where it is too long."""
    data = json.dumps(message).encode()
    if LENGTH.size + len(data) > LONGEST:
        raise ValueError(f"a message of {len(data):,} bytes")
    return LENGTH.pack(len(data)) + data


def _exactly(fd: int, count: int) -> bytes:
    """So many bytes, fewer where the other side has gone."""
    data = b""
    while len(data) < count and (more := os.read(fd, count - len(data))):
        data += more
    return data


def receive(fd: int) -> Message | None:
    """The next request; None: there are no more."""
    head = _exactly(fd, LENGTH.size)
    return json.loads(_exactly(fd, LENGTH.unpack(head)[0])) if len(head) == LENGTH.size else None


def send(fd: int, data: bytes) -> None:
    """Writes all of it, however often it takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def size_of(fd: int, size: int) -> None:
    """Makes a file of shared memory at least so large. Memory that is not there is an `OSError` here, and no signal later."""
    if os.fstat(fd).st_size < size:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            os.ftruncate(fd, size)


def die_with(life: int) -> None:
    """Has the kernel end this process when the caller ends, whatever either is doing: the pipe `life` then closes, and a signal
    that nobody handles comes of it."""
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    gone = select.poll()  # `select` knows descriptors below 1024 only
    gone.register(life, select.POLLIN)
    if gone.poll(0):
        os._exit(1)


# ---- arrays


def _count(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


Arrayed = Callable[[str, Sequence[int], memoryview], Any]


def as_torch(dtype: str, shape: Sequence[int], data: memoryview) -> Any:
    """A tensor over shared memory."""
    torch = sys.modules["torch"]
    if not data:
        return torch.empty(tuple(shape), dtype=getattr(torch, TORCH[dtype]))
    return torch.frombuffer(data, dtype=getattr(torch, TORCH[dtype])).reshape(tuple(shape))


def as_numpy(dtype: str, shape: Sequence[int], data: memoryview) -> Any:
    """An array over shared memory."""
    import numpy

    if dtype not in NUMPY:
        raise TypeError(f"NumPy has no {dtype}: import torch in the module of the chunk, or cast to f32 before it")
    return numpy.frombuffer(data, dtype=NUMPY[dtype]).reshape(tuple(shape))


def as_memory(dtype: str, shape: Sequence[int], data: memoryview) -> Any:
    """A memoryview of that shape, where there is no NumPy."""
    if dtype not in FORMATS or not data:
        raise TypeError(f"without NumPy there is no {dtype}{list(shape)}: add it to what the chunk `requires`")
    cast: Any = data.cast
    return cast(FORMATS[dtype], tuple(shape)) if shape else cast(FORMATS[dtype])


def made_of(result: Any) -> tuple[str, list[int], memoryview]:
    """What a chunk gave as dtype, shape and bytes. `TypeError` where it is no array."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(result, torch.Tensor):
        dtype = _named(str(result.dtype).removeprefix("torch."), TORCH)
        flat = result.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return dtype, list(result.shape), _bytes(flat.numpy())
    if hasattr(result, "__array__") and hasattr(result, "dtype"):
        import numpy

        array = numpy.asarray(result)
        dtype = _named(str(array.dtype), NUMPY)
        flat = numpy.ascontiguousarray(array).reshape(-1).view("uint8")
        return dtype, list(array.shape), _bytes(flat)
    try:
        view = memoryview(result)
    except TypeError:
        raise TypeError(f"it gave a `{type(result).__name__}`, which is no array") from None
    return _named(view.format, FORMATS), list(view.shape or ()), view.cast("B")


def _bytes(flat: Any) -> memoryview:
    """Of a flat array of bytes."""
    return memoryview(flat)


def _named(name: str, names: Mapping[str, str]) -> str:
    """The dtype of the language that is called `name` elsewhere."""
    for dtype, other in names.items():
        if other == name:
            return dtype
    raise TypeError(f"it gave an array of {name}, which the language does not have")


# ---- what runs


def load_onnx(message: Message) -> tuple[Callable[..., Any], Message]:
    """An ONNX model: by the names of its inputs where they are those of the spec, else by place; and what it says of itself."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = message["threads"]
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised
    session = onnxruntime.InferenceSession(message["target"], options, providers=["CPUExecutionProvider"])
    inputs = {value.name: value for value in session.get_inputs()}
    names = message["names"] if set(message["names"]) == set(inputs) else list(inputs)
    facts = {"inputs": [_said(inputs[name]) for name in names], "outputs": list(map(_said, session.get_outputs()))}
    return lambda *given: session.run(None, dict(zip(names, given, strict=True)))[0], facts


def _said(value: Any) -> list[Any]:
    return [value.name, value.type, [size if isinstance(size, int) else str(size or "") for size in value.shape]]


def load_py(message: Message) -> tuple[Callable[..., Any], Message]:
    """An instance of a class, made without arguments; of an `nn.Module` in eval, without gradients."""
    module, _, name = message["target"].partition(":")
    if message["folder"]:
        sys.path.insert(0, message["folder"])
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    made = found() if isinstance(found, type) else found
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_grad_enabled(False)
        if isinstance(made, torch.nn.Module):
            made.eval()
    return made, {}


LOADERS: dict[str, Callable[[Message], tuple[Callable[..., Any], Message]]] = {"onnx": load_onnx, "py": load_py}


def arrays_of(kind: str) -> Arrayed:
    """What a chunk is called with: tensors where its module has imported torch, else arrays of NumPy, else memoryviews."""
    if kind == "py" and "torch" in sys.modules:
        return as_torch
    return as_numpy if importlib.util.find_spec("numpy") else as_memory


class Served:
    """The chunk, once it is loaded, and the shared memory."""

    def __init__(self, given: int, made: int):
        self.given, self.made = given, made
        self.inputs: mmap.mmap | None = None
        self.output: mmap.mmap | None = None
        self.chunk: Callable[..., Any] | None = None
        self.array: Arrayed = as_memory

    def load(self, message: Message) -> Message:
        self.chunk, facts = LOADERS[message["kind"]](message)
        self.array = arrays_of(message["kind"])
        return facts

    def run(self, message: Message) -> Message:
        if self.chunk is None:
            raise RuntimeError("nothing is loaded")
        if self.inputs is None or len(self.inputs) < message["size"]:
            self.inputs = mmap.mmap(self.given, message["size"])
        memory = memoryview(self.inputs)
        arrays = []
        for one in message["inputs"]:
            count = _count(one["shape"]) * BYTES[one["dtype"]]
            arrays.append(self.array(one["dtype"], one["shape"], memory[one["start"] : one["start"] + count]))
        dtype, shape, data = made_of(self.chunk(*arrays))
        if data.nbytes:
            size_of(self.made, data.nbytes)
            if self.output is None or len(self.output) < data.nbytes:
                self.output = mmap.mmap(self.made, os.fstat(self.made).st_size)
            self.output[: data.nbytes] = data
        return {"dtype": dtype, "shape": shape, "bytes": data.nbytes}


def answer(served: Served, message: Message) -> Message:
    """What is said to a request. What the chunk raises is told; what ends the process ends it."""
    try:
        return served.load(message) if message["do"] == "load" else served.run(message)
    except Exception as error:
        told = "".join(traceback.format_exception_only(error)).strip()
        return {"error": told[-2000:], "trace": [line[:400] for line in traceback.format_exc().strip().splitlines()[-12:]]}


def main(arguments: Sequence[str]) -> None:
    """Answers requests until there are no more."""
    requests, replies, life, given, made = map(int, arguments)
    die_with(life)
    served = Served(given, made)
    while (message := receive(requests)) is not None:
        send(replies, framed(answer(served, message)))


if __name__ == "__main__":
    main(sys.argv[1:])
