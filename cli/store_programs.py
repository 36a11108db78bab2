"""Whether a `.cc` file can be stored as a model: one text, without errors, and weights that fit its parameters."""

from __future__ import annotations

from pathlib import Path

from .. import api
from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label
from ..compiler.ir import Chunk
from ..compiler.loading.fitting import misfits
from ..compiler.loading.handles import parse_handle, place_of
from ..compiler.loading.places import Blob, TensorPlace
from ..compiler.loading.signatures import stored_handles, wanted_of
from ..compiler.source import Source
from ..grammar.parse import parse
from ..grammar.tree import Use
from ..store.adding import KINDS, checked_kind
from ..store.safetensors import read_header
from ..store.store import Store
from .files import read_text
from .report import tell


def fitting(path: Path, weights: Path | None, store: Store) -> None:
    """Checks a model and its weights; `CompileError` with all that is wrong. What it names is looked for in the store that it is
    to be in, once there is one."""
    findings = Findings()
    file = parse(Source(str(path), read_text(str(path))), findings)
    for item in file.items:
        if isinstance(item, Use):
            hint = "write what it uses into it: a stored model is one text"
            findings.error("CC1416", "a stored model cannot use other files", item.span, hint=hint)
    findings.check()
    known = store.root if (store.root / "blobs").is_dir() else None
    graph = api.load(path, findings=findings, store=known, allow_python=True)  # who runs it allows it: nothing is imported here
    told = [file_named(chunk, handle) for chunk in graph.chunks if (handle := chunk.extern or chunk.source)]
    if wrong := [one for one in told if one]:
        raise CompileError(wrong)
    tell(findings.items)
    declared = wanted_of(graph, {"", *stored_handles(graph)})[""]  # what is stored elsewhere is not stored again
    if weights is None and declared:
        label = f"`{next(iter(declared))}` is one of {len(declared)}"
        one = Diagnostic("CC1414", "the model has parameters, and no weights are given", (Label(file.span, label),), WEIGHTS)
        raise CompileError([one])
    if weights is not None:
        header = read_header(str(checked_kind(weights, KINDS[:1])))
        blob = Blob(str(weights), "", header.bytes)
        stored = {n: TensorPlace(blob, each.dtype, each.shape, each.start, each.bytes) for n, each in header.tensors.items()}
        if wrong := misfits(str(weights), stored, declared):
            raise CompileError(wrong)


def file_named(chunk: Chunk, handle: str) -> Diagnostic | None:
    """What is wrong with a chunk whose handle names a file beside the model, which in a store lies beside nothing."""
    found = parse_handle(handle)
    if found.scheme != "file":
        return None
    hint = f"store that file too, and name it there: `chunkc store add {found.name} --as NAME@VERSION`"
    message = f"a stored model cannot name a file beside it: `{found.name}`"
    return Diagnostic("CC1416", message, (Label(chunk.span or place_of(handle)),), hint)


WEIGHTS = "give them with `--weights FILE`, a safetensors file of its state dict"
