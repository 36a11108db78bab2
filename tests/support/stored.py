"""Weights of a module in files, and where they lie: what the store says of them, made by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from chunkc.compiler.diagnostics import Diagnostic
from chunkc.compiler.loading.handles import Handle
from chunkc.compiler.loading.places import Blob, Resolved, TensorPlace

NAMES = {
    torch.float32: ("f32", "F32"),
    torch.float64: ("f64", "F64"),
    torch.bfloat16: ("bf16", "BF16"),
    torch.int64: ("i64", "I64"),
}


def write(path: Path, tensors: Mapping[str, Tensor], *, aligned: int = 4096) -> Resolved:
    """A safetensors file whose data begins at a multiple of `aligned`, those tensors first that are multiples of 64."""
    order = sorted(tensors, key=lambda name: tensors[name].nbytes % 64 != 0)
    header, at = {}, 0
    for name in order:
        size = tensors[name].nbytes
        kind = NAMES[tensors[name].dtype][1]
        header[name] = {"dtype": kind, "shape": list(tensors[name].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % aligned)
    data = b"".join(map(_bytes_of, map(tensors.__getitem__, order)))
    content = len(text).to_bytes(8, "little") + text + data
    path.write_bytes(content)
    blob = Blob(str(path), hashlib.sha256(content).hexdigest(), len(content))
    places = {
        name: TensorPlace(
            blob,
            NAMES[tensors[name].dtype][0],
            tuple(tensors[name].shape),
            8 + len(text) + header[name]["data_offsets"][0],  # type: ignore[index]
            tensors[name].nbytes,
        )
        for name in order
    }
    handle = Handle(path.stem, "", "", path.stem)
    return Resolved(handle, "weights", f"{path.stem}@{blob.sha256[:8]}", blob.sha256, (blob,), places)


def _bytes_of(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def parts(folder: Path, tensors: Mapping[str, Tensor], chunks: list[str], **options: int) -> dict[str, Resolved]:
    """One file for each of these chunks."""
    folder.mkdir(exist_ok=True)
    found = {}
    for chunk in chunks:
        start = f"{chunk}." if chunk else ""
        inside = {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
        found[chunk] = write(folder / f"{chunk or 'whole'}.safetensors", inside, **options)
    return found


class Fixed:
    """Versions that a test moves by hand."""

    def __init__(self, snapshot: Mapping[str, Resolved]) -> None:
        self.snapshot = snapshot

    def now(self) -> Mapping[str, Resolved]:
        return self.snapshot

    def missing(self) -> Mapping[str, tuple[Diagnostic, ...]]:
        return {}

    def refresh(self) -> None:
        pass
