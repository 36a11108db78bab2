"""Whether a `.cc` file can be stored as a model: one text, without errors, and weights that fit its parameters."""

from __future__ import annotations

from pathlib import Path

from .. import api
from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label
from ..compiler.loading.fitting import misfits
from ..compiler.loading.places import Blob, TensorPlace
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
    graph = api.load(path, findings=findings, store=store.root if (store.root / "blobs").is_dir() else None)
    tell(findings.items)
    declared = {parameter.path: parameter.type for parameter in graph.parameters}
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


WEIGHTS = "give them with `--weights FILE`, a safetensors file of its state dict"
