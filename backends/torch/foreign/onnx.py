"""ONNX files, run by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....compiler.loading.onnx_files import NoOnnx, external_files
from .runners import Foreign, reason
from .signature import Found, check_file, check_precision, check_value

ONNX_DTYPES = {
    "tensor(double)": "f64",
    "tensor(float)": "f32",
    "tensor(float16)": "f16",
    "tensor(int64)": "i64",
    "tensor(int32)": "i32",
    "tensor(bool)": "bool",
}
"""What NumPy knows too: bf16 has no way in or out."""


def load(chunk: Foreign) -> OnnxRunner:
    """A session on the file that a handle stands for."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        message = f"it is an ONNX file, and `{error.name}` is not installed"
        wanted = "onnxruntime>=1.20" if error.name == "onnxruntime" else error.name
        raise chunk.unloadable("CC1464", message, f'pip install "{wanted}"') from error
    except Exception as error:  # one that is there, and does not go with what else is
        message = f"it is an ONNX file, and `onnxruntime` cannot be imported: {type(error).__name__}: {reason(error)}"
        raise chunk.unloadable("CC1464", message, 'pip install --force-reinstall "onnxruntime>=1.20"') from error
    files = files_of(chunk)
    options = onnxruntime.SessionOptions()
    # As many threads as torch has; they sleep between calls, for torch's are awake then.
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised
    try:
        session = onnxruntime.InferenceSession(str(files[0]), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class
        raise chunk.unloadable("CC1460", f"onnxruntime cannot read its file: {reason(error)}") from error
    return OnnxRunner(chunk, session, sum(file.stat().st_size for file in files))


class OnnxRunner:
    """A session, its inputs in the order of the spec."""

    differentiable = False

    def __init__(self, chunk: Foreign, session: Any, size: int) -> None:
        self.chunk, self.session, self.bytes = chunk, session, size
        inputs, outputs = session.get_inputs(), session.get_outputs()
        names, declared = [one.name for one in inputs], [name for name, _ in chunk.inputs]
        self.names: list[str] = declared if set(names) == set(declared) else names
        """By name where the names are the spec's, else by place."""
        known = {one.name: one for one in inputs}
        ordered = [known[name] for name in self.names]
        check_file(chunk, [_found(one) for one in ordered], [_found(one) for one in outputs])

    def run(self, inputs: Sequence[Tensor]) -> Tensor:
        check_precision(self.chunk, inputs)
        arrays = {name: given.detach().cpu().contiguous().numpy() for name, given in zip(self.names, inputs)}
        try:
            (value,) = self.session.run(None, arrays)
        except Exception as error:  # as above
            raise self.chunk.unloadable("CC1465", f"onnxruntime failed while it ran: {reason(error)}") from error
        return check_value(self.chunk, inputs, torch.from_numpy(value)).to(inputs[0].device)

    def close(self) -> None:
        del self.session


def files_of(chunk: Foreign) -> list[Path]:
    """The model's file, and those beside it that it keeps tensors in: all within its folder, and there."""
    path = Path(chunk.place.blobs[0].path)
    try:
        named = external_files(str(path))
    except (NoOnnx, OSError) as error:
        raise chunk.unloadable("CC1460", f"its file is no ONNX model: {reason(error)}") from error
    folder = path.parent.resolve()
    for name in named:
        if not (folder / name).resolve().is_relative_to(folder) or Path(name).is_absolute():
            message = f"its file keeps tensors in `{name}`, outside of its folder"
            hint = "nothing outside is read: save the model in one file, or with its data beside it"
            raise chunk.unloadable("CC1462", message, hint)
        if not (folder / name).is_file():
            raise chunk.unloadable("CC1462", f"its file keeps tensors in `{name}`, which is not there")
    return [path, *(folder / name for name in named)]


def _found(one: Any) -> Found:
    """`onnxruntime` has a number for a fixed size, a name for another, None for one without a name; and no size at all for a
    scalar as for what the file says no shape of: what comes out of it is looked at."""
    shape = tuple(size if isinstance(size, int) else str(size or "") for size in one.shape)
    return one.name, ONNX_DTYPES.get(one.type, one.type), shape or None
