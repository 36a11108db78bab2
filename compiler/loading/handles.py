"""Handles: the text by which a spec names what is stored elsewhere, taken apart.

    models/edges@stable#encoder          a local store's chunk: name, version or alias, part
    models/edges@sha256:9f86d0…          pinned to its content
    file:parts/edges.safetensors#head    a file beside the spec
    hf:org/repo@main#layers.3            a Hugging Face repository
    s3://bucket/model.safetensors        any fsspec URL
    onnx:parts/shapes.onnx   pt2:parts/edges.pt2   py:package.module:Class
"""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnostics import CompileError, Diagnostic, Label
from ..source import Source, Span

RUNNERS = ("onnx", "pt2", "py")
"""Schemes that say what runs it; what follows is a location."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A handle taken apart. `text`: as written; `runner`: `onnx`, `pt2`, `py` or ""; `scheme`: "" for the local store, `file`,
    `hf`, or the scheme of a URL; `name`: what lies there; `version`: as written behind `@`, with `sha256:` where it is a pin;
    `part`: behind `#`."""

    text: str
    runner: str
    scheme: str
    name: str
    version: str = ""
    part: str = ""

    @property
    def pin(self) -> str:
        """The sha256 that it is pinned to, in hexadecimal digits; else ""."""
        return self.version.removeprefix("sha256:") if self.version.startswith("sha256:") else ""


def place_of(text: str, what: str = "handle") -> Span:
    """The whole of a text that is no file, as a place that a diagnostic can underline."""
    return Span(Source(f"<{what}>", text), 0, len(text))


def refused(code: str, message: str, text: str, *, label: str = "", hint: str = "", what: str = "handle") -> CompileError:
    """What is wrong with a handle, underlined whole."""
    return CompileError([Diagnostic(code, message, (Label(place_of(text, what), label),), hint)])
