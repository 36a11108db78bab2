"""ONNX files and Python classes in an environment and a process of their own (`backends/isolated`): tensors here, bytes there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from torch import Tensor

from ....compiler.loading.places import Unloadable
from ...isolated.chunk import IsolatedChunk
from .onnx import ONNX_DTYPES, files_of
from .runners import Foreign
from .signature import DTYPES, Found, check_file, check_precision, check_value

UNASKED = frozenset(("numpy", "onnxruntime"))
"""What an ONNX file may have installed without `--allow-python`."""
TENSORS = {dtype: kind for kind, dtype in DTYPES.items()}


def load(chunk: Foreign) -> IsolatedRunner:
    """A worker that has loaded the chunk; its environment is made if it is not there."""
    kind, folder = chunk.place.kind, chunk.place.folder
    if kind not in ("onnx", "py"):
        hint = "leave out `isolated`, or store it as an ONNX file"
        raise chunk.unloadable("CC1477", f"a chunk of the kind `{kind}` runs in this process only", hint)
    files = files_of(chunk) if kind == "onnx" else []
    worker = IsolatedChunk(
        chunk.path,
        chunk.place.handle.text,
        kind,
        str(files[0]) if files else chunk.place.handle.name,
        chunk.requires,
        folder="" if files else folder,
        names=[name for name, _ in chunk.inputs],
        threads=torch.get_num_threads(),
        # A Python class is there only where Python is allowed.
        offline=chunk.place.offline,
        allowed=kind == "py" or chunk.place.allowed or all(map(_unasked, chunk.requires)),
    )
    facts = worker.load()
    try:
        if files:
            check_file(chunk, list(map(_found, facts["inputs"])), list(map(_found, facts["outputs"])))
    except Unloadable:
        worker.close()
        raise
    return IsolatedRunner(chunk, worker, sum(file.stat().st_size for file in files))


class IsolatedRunner:
    """A chunk in another process. Tensors are copied there and back."""

    differentiable = False

    def __init__(self, chunk: Foreign, worker: IsolatedChunk, size: int) -> None:
        self.chunk, self.worker, self.bytes = chunk, worker, size

    def run(self, inputs: Sequence[Tensor]) -> Tensor:
        if self.chunk.place.kind == "onnx":
            check_precision(self.chunk, inputs)
        if odd := [given.dtype for given in inputs if given.dtype not in DTYPES]:
            message = f"the inputs of the chunk `{self.chunk.path}` come as {odd[0]}, which the language does not have"
            raise self.chunk.refused("CC1461", message)
        dtype, shape, data = self.worker.run([(DTYPES[one.dtype], tuple(one.shape), _bytes(one)) for one in inputs])
        value = torch.frombuffer(data, dtype=TENSORS[dtype]) if data else torch.empty(0, dtype=TENSORS[dtype])
        return check_value(self.chunk, inputs, value.reshape(shape)).to(inputs[0].device)

    def close(self) -> None:
        self.worker.close()


def _bytes(tensor: Tensor) -> memoryview:
    """Of a tensor, row-major; no copy where it lies so on the CPU."""
    return memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]


def _unasked(text: str) -> bool:
    """Whether a requirement is one that an ONNX file may have. One that cannot be read is told where it is installed."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return True
    return canonicalize_name(requirement.name) in UNASKED and requirement.url is None


def _found(said: Sequence[object]) -> Found:
    name, kind, shape = said
    assert isinstance(shape, list)
    return str(name), ONNX_DTYPES.get(str(kind), str(kind)), tuple(shape) or None
