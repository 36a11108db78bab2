"""Chunks in the forms that something else runs, written for tests: ONNX files by hand, archives by torch."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from chunkc.backends.torch.foreign.runners import Foreign
from chunkc.compiler.dims import symbol
from chunkc.compiler.loading.handles import Handle
from chunkc.compiler.loading.places import Blob, Resolved
from chunkc.compiler.types import TensorType

B = symbol("B")


def write_linear(path: Path, weight: Any, bias: Any, rows: Any = "B", names: tuple[str, str] = ("x", "y")) -> Path:
    """x @ weight.T + bias, as an ONNX file."""
    onnx.save(linear_model(weight, bias, rows, names), path)
    return path


def linear_model(weight: Any, bias: Any, rows: Any = "B", names: tuple[str, str] = ("x", "y")) -> Any:
    weight, bias = np.asarray(weight, np.float32), np.asarray(bias, np.float32)
    gemm = helper.make_node("Gemm", [names[0], "w", "b"], [names[1]], transB=1)
    graph = helper.make_graph(
        [gemm],
        "linear",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, [rows, weight.shape[1]])],
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, [rows, weight.shape[0]])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def write_archive(path: Path, module: nn.Module, *inputs: torch.Tensor, dynamic: bool = True) -> Path:
    """A module as `torch.export.save` writes it, the first axis of each input dynamic."""
    shapes = tuple({0: torch.export.Dim.AUTO} for _ in inputs) if dynamic else None
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(module.eval(), inputs, dynamic_shapes=shapes), buffer)
    path.write_bytes(buffer.getvalue())
    return path


def foreign(kind: Any, path: Path | str, *, width: int = 4, out: int = 3, requires: tuple[str, ...] = ()) -> Foreign:
    """A chunk `shapes` declared as f32[B, width] -> f32[B, out], of a file or of `module:Class` with its folder."""
    if kind == "py":
        folder, _, target = str(path).rpartition("/")
        place = Resolved(Handle(f"py:{target}", "py", "", target), kind, f"py:{target}", "", (), folder=folder)
    else:
        text = f"{kind}:{Path(path).name}"
        blob = Blob(str(path), "", Path(path).stat().st_size)
        place = Resolved(Handle(text, kind, "file", Path(path).name), kind, text, "", (blob,), folder=str(Path(path).parent))
    return Foreign("shapes", (("x", TensorType("f32", (B, width))),), TensorType("f32", (B, out)), place, requires)
