"""Adds files to a store: `.safetensors` as weights, `.cc` as a model, `.onnx` and `.pt2` as what they are; never a pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused
from ..compiler.loading.onnx_files import NoOnnx, external_files
from ..compiler.loading.places import Blob
from .checkpoint import EXPORT, INSIDE
from .manifest import Manifest, Part
from .names import checked_name, checked_version, shown
from .safetensors import no_safetensors, read_header
from .store import Store, Writer
from .writing import pieces, tensors_in, written

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
KINDS = (".safetensors", ".cc", ".onnx", ".pt2")


def add(store: Store, file: str | Path, name: str, version: str, weights: str | Path | None = None) -> Manifest:
    """Stores a file as a version, and gives it. `weights`: of a `.cc` file, the safetensors file of its parameters by path.

    CC1402 where the name or version cannot be one, CC1403 for a pickle, CC1416 for what cannot be stored, CC1434 for an ONNX
    file with data beside it, CC1404 where a safetensors file is none, CC1405 where the version exists with other content, CC1412
    where the disk is full; `OSError` where a file cannot be read. The store is then as it was."""
    checked_name(name)
    checked_version(version)
    path = checked_kind(Path(file), KINDS)
    if weights is not None and path.suffix != ".cc":
        hint = "leave `--weights` out; of a model, add the .cc file with its weights"
        raise refused("CC1416", f"`{shown(path.name)}` takes no weights from another file", str(path), hint=hint, what="file")
    with store.writing() as writer:
        if path.suffix == ".cc":
            parts = {} if weights is None else {"": Part(put_weights(writer, checked_kind(Path(weights), KINDS[:1])))}
            return writer.publish(name, version, parts, writer.put([_program(path)]))
        if path.suffix == ".safetensors":
            return writer.publish(name, version, {"": Part(put_weights(writer, path))})
        if path.suffix == ".onnx":
            alone(path)
        elif not zipfile.is_zipfile(path):
            hint = "write it again: `torch.export.save(torch.export.export(…), FILE)`"
            raise refused("CC1416", f"`{shown(path.name)}` is no archive of torch.export", str(path), hint=hint, what="file")
        blob = _put_whole(writer, path)
        return writer.publish(name, version, {"": Part(blob, "onnx" if path.suffix == ".onnx" else "pt2")})


def put_weights(writer: Writer, path: Path) -> Blob:
    """A safetensors file as a blob, laid out anew."""
    metadata = read_header(str(path)).metadata
    try:
        return writer.put(written(tensors_in(str(path)), metadata))
    except EOFError as error:
        raise no_safetensors(str(path), "it became shorter while it was read") from error


def _put_whole(writer: Writer, path: Path) -> Blob:
    """A file as it is."""
    try:
        return writer.put(pieces(str(path), 0, path.stat().st_size))
    except EOFError as error:
        message = f"`{shown(path.name)}` became shorter while it was read"
        raise refused("CC1416", message, str(path), hint="add it again when it is whole", what="file") from error


def alone(path: Path) -> None:
    """CC1434 where an ONNX file is none, or keeps tensors in other files: in a store nothing lies beside it."""
    try:
        others = external_files(str(path))
    except NoOnnx as error:
        message = f"`{shown(path.name)}` is no ONNX model: {error}"
        raise refused("CC1434", message, str(path), hint=EXPORT, what="file") from error
    if others:
        message = f"`{shown(path.name)}` keeps tensors in `{shown(others[0])}`, and what is stored is one file"
        raise refused("CC1434", message, str(path), hint=INSIDE, what="file")


def checked_kind(path: Path, kinds: tuple[str, ...]) -> Path:
    """The path of a file that can be stored; CC1403 for a pickle, CC1416 for anything else."""
    if path.suffix.lower() in PICKLES:
        raise pickle_refused(path)
    if path.is_dir():
        hint = f"name a file of it; `chunkc store import {shown(str(path))}` takes a checkpoint's folder"
        raise refused("CC1416", f"`{shown(str(path))}` is a folder", str(path), hint=hint, what="file")
    if path.suffix not in kinds:
        hint = f"a file that can be stored ends in {' '.join(kinds)}"
        raise refused("CC1416", f"`{shown(path.name)}` is of no kind that is stored here", str(path), hint=hint, what="file")
    if path.exists() and not path.is_file():
        raise refused("CC1416", f"`{shown(path.name)}` is no file", str(path), hint="name a file", what="file")
    return path


def pickle_refused(path: Path) -> CompileError:
    """CC1403: why a pickle is not read, and what to do."""
    message = f"`{shown(path.name)}` is a pickle, and reading a pickle runs whatever code it holds"
    hint = "where you trust it, convert it: `safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'w.safetensors')`"
    return refused("CC1403", message, str(path), label="never read", hint=hint, what="file")


def _program(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"`{shown(path.name)}` is no UTF-8 text (byte {error.start})"
        raise refused("CC1416", message, str(path), hint="save it as UTF-8", what="file") from error
    return data
