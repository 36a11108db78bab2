"""What files hold: the tensors of a .safetensors file or of a checkpoint in shards, the program of a .cc, an ONNX model.

A checkpoint in shards is a folder with `model.safetensors.index.json`, which says for each tensor the file that it lies in
(https://huggingface.co/docs/transformers/big_models). Of shards, those that hold something of the part are asked for, no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..compiler.diagnostics import CompileError, Findings, did_you_mean
from ..compiler.loading.handles import Handle, refused
from ..compiler.loading.onnx_files import NoOnnx, external_files
from ..compiler.loading.places import Blob, Kind, TensorPlace
from ..compiler.source import Source
from .blobs import broken
from .files import Files, stamp
from .names import names_below, shown
from .safetensors import read_header

WEIGHTS, PROGRAM = "model.safetensors", "model.cc"
INDEX = ".index.json"
UNFIT = ("CC1404", "CC1435", "CC1436")
"""Of a shard that is missing, damaged, or unlike what its index says."""
WHOLE = "take the index from where the checkpoint is, together with its shards"
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib")
LONGEST_TEXT = 64 << 20
"""Bytes of an index or a program that is read."""
EXPORT = "write it again: torch.onnx.export, or onnx.save_model"
INSIDE = "write it with its data inside: onnx.save_model(…, save_as_external_data=False)"


@dataclass
class Found:
    """What lies at a handle: the files by name, and the tensors by their whole names, where each lies."""

    kind: Kind
    files: dict[str, Blob] = field(default_factory=dict)
    tensors: dict[str, TensorPlace] = field(default_factory=dict)
    program: Source | None = None


def read_files(files: Files, name: str, handle: Handle) -> Found:
    """What a file holds, or, with `name` "", a folder."""
    name = name or main_file(files, handle)
    match handle.runner, suffix_of(name):
        case "onnx", ".onnx":
            return onnx_model(files, name)
        case "pt2", ".pt2":
            return Found("pt2", {name: files.get(name)})
        case "", ".safetensors" | ".index.json":
            return weights(files, name, handle.part)
        case "", ".cc":
            return program(files, name, handle.part)
        case _, suffix:
            raise unread(handle, name, suffix)


def suffix_of(name: str) -> str:
    """How a name ends, in lower case; `.index.json` is one ending."""
    low = name.lower()
    return INDEX if low.endswith(INDEX) else "." + low.rpartition(".")[2] if "." in low.rpartition("/")[2] else ""


def unread(handle: Handle, name: str, suffix: str) -> CompileError:
    """CC1425 of a file that is none of those that are read."""
    if suffix in PICKLES:
        message = f"`{name}` is a pickle: loading it would run whatever code its author wrote"
        hint = "convert it once, where you trust it: torch.load(…, weights_only=True), then safetensors.torch.save_file"
        return refused("CC1425", message, handle.text, label="refused", hint=hint)
    if handle.runner:
        wanted = f"a .{handle.runner} file"
        hint = "name that file, or leave out what stands before the first `:`"
        return refused("CC1425", f"`{handle.runner}:` runs {wanted}, and `{name}` is none", handle.text, hint=hint)
    if suffix in (".onnx", ".pt2"):
        hint = f"write `{suffix[1:]}:` in front of it"
        return refused("CC1425", f"`{name}` is to be run by what its ending says", handle.text, hint=hint)
    hint = "weights are .safetensors, programs .cc; `onnx:` and `pt2:` run .onnx and .pt2"
    return refused("CC1425", f"`{name}` is no file of a kind that is read", handle.text, hint=hint)


def main_file(files: Files, handle: Handle) -> str:
    """The file of a folder that stands for all of it: its program, its index, its weights."""
    names = files.names()
    if handle.runner:
        own = [name for name in names or () if name.endswith(f".{handle.runner}")]
        if len(own) == 1:
            return own[0]
        found = f"it has {', '.join(own)}" if own else "it has none"
        raise refused("CC1423", f"one .{handle.runner} file is asked for in the folder", handle.text, hint=found)
    for name in (PROGRAM, WEIGHTS + INDEX, WEIGHTS):
        if files.has(name):
            return name
    own = [name for name in names or () if name.endswith(".safetensors")]
    if len(own) == 1:
        return own[0]
    for name in names or ():
        if suffix_of(name) in PICKLES:
            raise unread(handle, name, suffix_of(name))
    hint = f"it has {', '.join(own[:5])}: name one" if own else "name the folder or file of it that is meant"
    message = f"the folder has no `{PROGRAM}`, `{WEIGHTS}{INDEX}` or `{WEIGHTS}`"
    raise refused("CC1423", message, handle.text, hint=hint)


# ---- weights


def weights(files: Files, name: str, part: str) -> Found:
    """The tensors of a file, or of all shards that its index names and the part needs."""
    if name.endswith(INDEX):
        return shards(files, name, part)
    blob = files.get(name)
    return Found("weights", {name: blob}, dict(places(blob, name)))


def places(blob: Blob, name: str) -> Mapping[str, TensorPlace]:
    """The tensors of a file by name."""
    return _places(blob, name, stamp(blob.path))


@lru_cache(maxsize=64)
def _places(blob: Blob, name: str, _: tuple[int, ...]) -> Mapping[str, TensorPlace]:
    header = read_header(blob.path, name)
    return {key: TensorPlace(blob, one.dtype, one.shape, one.start, one.bytes) for key, one in sorted(header.tensors.items())}


def shards(files: Files, name: str, part: str) -> Found:
    """A checkpoint in shards. All that is wrong with them is told at once."""
    blob = files.get(name)
    index = read_index(blob, name, files.text)
    folder = name.rpartition("/")[0]
    needed = dict.fromkeys(shard for tensor, shard in index.items() if is_below(tensor, part))
    found, homes, wrong = Found("weights", {name: blob}), dict[str, str](), Findings()
    for shard in needed:
        path = f"{folder}/{shard}" if folder else shard
        try:
            if not files.has(path):
                hint = "fetch the checkpoint again, or take its index from where the shards are"
                raise refused("CC1435", f"the index names the shard `{shard}`, which is missing", files.text, hint=hint)
            found.files[path] = files.get(path)
            held = places(found.files[path], path)
            _check_shard(files.text, shard, held, index, homes)
        except CompileError as error:
            if any(one.code not in UNFIT for one in error.diagnostics):
                raise  # a server that does not answer is not asked for each of them
            for one in error.diagnostics:
                wrong.add(one)
        else:
            found.tensors |= held
    wrong.check()
    return found


def _check_shard(text: str, shard: str, held: Mapping[str, TensorPlace], index: Mapping[str, str], homes: dict[str, str]) -> None:
    """A shard has what the index says, and nothing that another has; the first that is wrong is told."""
    for tensor, home in index.items():
        if home == shard and tensor not in held:
            hint = did_you_mean(tensor, held, 0.8) or WHOLE
            message = f"the index says that `{shown(tensor)}` lies in `{shard}`, which has no such tensor"
            raise refused("CC1435", message, text, hint=hint)
    for tensor in held:
        if tensor in homes:
            message = f"`{shown(tensor)}` lies in `{homes[tensor]}` and in `{shard}`"
            raise refused("CC1436", message, text, hint="remove one of them, and write its shard anew")
        homes[tensor] = shard


def read_index(blob: Blob, name: str, text: str) -> dict[str, str]:
    """The `weight_map` of an index: tensor to shard. CC1435 where it is none, CC1422 where a shard lies outside."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for i, key in enumerate(names) if key in names[:i])
            raise refused("CC1436", f"`{name}` says `{shown(twice)}` twice", text, hint=WHOLE)
        return found

    try:
        raw = json.loads(small_text(blob, name, text), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise refused("CC1435", f"`{name}` is no index: {error}", text, hint=WHOLE) from error
    table = raw.get("weight_map") if isinstance(raw, dict) else None
    if not isinstance(table, dict) or not table or not all(isinstance(shard, str) for shard in table.values()):
        raise refused("CC1435", f"`{name}` has no `weight_map` of tensors to files", text, hint=WHOLE)
    for shard in dict.fromkeys(table.values()):
        if shard.startswith(("/", "~")) or "\\" in shard or ".." in shard.split("/") or not shard.isprintable():
            message = f"the index names the shard `{shown(shard)}`, outside its folder"
            raise refused("CC1422", message, text, hint="put its shards beside it")
        if suffix_of(shard) != ".safetensors":
            why = "a pickle, which is never loaded" if suffix_of(shard) in PICKLES else "no .safetensors file"
            hint = "take the checkpoint as safetensors: `save_pretrained(…, safe_serialization=True)` writes it so"
            raise refused("CC1425", f"the index names the shard `{shown(shard)}`: {why}", text, hint=hint)
    return table


def small_text(blob: Blob, name: str, text: str) -> str:
    """The text of a file; CC1425 where it is none, or too long, CC1409 where it is not what its blob says."""
    if blob.bytes > LONGEST_TEXT:
        message = f"`{name}` has {blob.bytes:,} bytes, and at most {LONGEST_TEXT:,} are read"
        raise refused("CC1425", message, text, hint="tensors lie in .safetensors files; is another file meant?")
    data = Path(blob.path).read_bytes()
    if blob.sha256 and hashlib.sha256(data).hexdigest() != blob.sha256:
        raise broken("CC1409", f"`{name}` is not what it was when it was fetched", Path(blob.path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused("CC1425", f"`{name}` is not UTF-8 text (byte {error.start})", text, hint="save it as UTF-8") from error


def is_below(tensor: str, part: str) -> bool:
    return not part or tensor.startswith(f"{part}.")


def below(tensors: Mapping[str, TensorPlace], part: str, text: str) -> dict[str, TensorPlace]:
    """The tensors of a part, by their names below it; CC1424 where there are none."""
    found = {name[len(part) + 1 :]: tensors[name] for name in names_below(tensors, part)} if part else dict(tensors)
    if not found and part:
        heads = sorted({".".join(name.split(".")[: part.count(".") + 1]) for name in tensors if "." in name})
        listed = ", ".join(f"`#{head}`" for head in heads[:6]) + (", …" if len(heads) > 6 else "")
        hint = did_you_mean(part, heads) or (f"it has {listed}" if heads else "it has no parts")
        raise refused("CC1424", f"it has no part `{part}`", text, hint=hint)
    return found


# ---- programs


def program(files: Files, name: str, part: str) -> Found:
    """A `.cc` file, with the weights that lie beside it under its name."""
    blob = files.get(name)
    text = small_text(blob, name, files.text)
    stem = name.removesuffix(".cc")
    beside = next((one for one in (f"{stem}.safetensors{INDEX}", f"{stem}.safetensors") if files.has(one)), None)
    found = weights(files, beside, part) if beside else Found("weights")
    return Found("model", {name: blob, **found.files}, found.tensors, Source(name, text))


def onnx_model(files: Files, name: str) -> Found:
    """An ONNX file and the files beside it that it keeps tensors in. CC1434 where one of those is elsewhere."""
    blob = files.get(name)
    found = Found("onnx", {name: blob})
    try:
        outside = external_files(blob.path)
    except NoOnnx as error:
        raise refused("CC1434", f"`{name}` is no ONNX model: {error}", files.text, hint=EXPORT) from error
    folder = name.rpartition("/")[0]
    for location in outside:
        pieces = location.split("/")
        if location.startswith(("/", "~")) or "\\" in location or ".." in pieces or ":" in location or not location.isprintable():
            message = f"`{name}` keeps tensors in `{shown(location)}`, outside its folder"
            hint = "write it with its data inside it or beside it: onnx.save_model(…, location='data.bin')"
            raise refused("CC1434", message, files.text, label="refused", hint=hint)
        path = "/".join([*filter(None, [folder]), *(piece for piece in pieces if piece not in ("", "."))])
        if not files.beside:
            hint = INSIDE
            message = f"`{name}` keeps tensors in `{location}`, and is not run where that lies"
            raise refused("CC1434", message, files.text, hint=hint)
        if not files.has(path):
            raise refused("CC1434", f"`{name}` keeps tensors in `{location}`, which is missing", files.text, hint=INSIDE)
        found.files[path] = files.get(path)
    return found
