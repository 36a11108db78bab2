"""Handles: every form is taken apart as the language says, and every slip is underlined, never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.compiler.codes import CODES
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.handles import parse_handle
from chunkc.compiler.render import render_text

PIN = "sha256:" + "9f86d081884c7d65" * 4

FORMS = {
    "models/edges": ("", "", "models/edges", "", ""),
    "models/edges@stable#encoder": ("", "", "models/edges", "stable", "encoder"),
    f"models/edges@{PIN}#layers.3": ("", "", "models/edges", PIN, "layers.3"),
    "file:parts/edges.safetensors#head": ("", "file", "parts/edges.safetensors", "", "head"),
    f"file:parts/a@b.safetensors@{PIN.upper().replace('SHA', 'sha')}": ("", "file", "parts/a@b.safetensors", PIN, ""),
    "hf:org/repo@refs/pr/1#layers.3": ("", "hf", "org/repo", "refs/pr/1", "layers.3"),
    "hf:gpt2": ("", "hf", "gpt2", "", ""),
    "s3://bucket/model.safetensors#a": ("", "s3", "s3://bucket/model.safetensors", "", "a"),
    "http://me@host:80/x.safetensors": ("", "http", "http://me@host:80/x.safetensors", "", ""),
    "onnx:models/shapes.onnx": ("onnx", "file", "models/shapes.onnx", "", ""),
    "onnx:models/shapes@v2": ("onnx", "", "models/shapes", "v2", ""),
    "pt2:models/shapes": ("pt2", "", "models/shapes", "", ""),
    "pt2:hf:org/repo": ("pt2", "hf", "org/repo", "", ""),
    f"onnx:https://host/x.onnx@{PIN}": ("onnx", "https", "https://host/x.onnx", PIN, ""),
    "py:package.module:Class": ("py", "", "package.module:Class", "", ""),
}


@pytest.mark.parametrize("text", FORMS)
def test_forms(text):
    found = parse_handle(text)
    assert (found.runner, found.scheme, found.name, found.version, found.part) == FORMS[text]
    assert found.text == text
    assert found.pin == (PIN.removeprefix("sha256:") if "sha256:" in text else "")


SLIPS = [
    ("", "CC1420", "is empty", ""),
    ("   ", "CC1420", "is empty", ""),
    ("@v1", "CC1420", "names nothing", ""),
    ("file:", "CC1420", "names nothing", ""),
    ("models/edges@", "CC1420", "no version behind it", "@"),
    ("models/edges@v1@v2", "CC1420", "no version", "v1@v2"),
    ("models/edges@v 1", "CC1420", "stands in no handle", " "),
    ("models/ed\x00ges", "CC1420", "stands in no handle", "\x00"),
    ("models/edges\u202e", "CC1420", "stands in no handle", "\u202e"),
    ("models/edges#", "CC1420", "no part behind it", "#"),
    ("models/edges#a#b", "CC1420", "second `#`", "#"),
    ("models/edges#a..b", "CC1420", "no name of a part", "."),
    ("models/edges@sha256:12ab", "CC1420", "no sha256: 4 characters", "sha256:12ab"),
    ("models/edges@md5:12ab", "CC1420", "not `md5`", "md5:12ab"),
    ("models//edges", "CC1420", "empty name", "/"),
    ("models/ed*ges", "CC1420", "`*` stands in no name", "*"),
    ("flie:parts/edges.safetensors", "CC1421", "did you mean `file`?", "flie"),
    ("s3:bucket/x", "CC1421", "write `s3://", "s3"),
    ("c:edges", "CC1421", "no scheme", "c"),
    ("pt2:onnx:x", "CC1420", "stands first", "onnx"),
    ("../edges", "CC1422", "`..` leaves", ".."),
    ("file:parts/../../edges.safetensors", "CC1422", "`..` leaves", ".."),
    ("onnx:../edges.onnx", "CC1422", "`..` leaves", ".."),
    ("/etc/passwd", "CC1422", "absolute", "/etc/passwd"),
    ("file:/etc/passwd", "CC1422", "absolute", "/etc/passwd"),
    ("file:~/x.safetensors", "CC1422", "absolute", "~/x.safetensors"),
    ("file:///etc/passwd", "CC1422", "write `file:`", "file"),
    ("simplecache://x", "CC1422", "by a URL", "simplecache"),
    ("zip://a::http://host/x.zip", "CC1422", "by a URL", "zip"),
    ("http://host/a/../b", "CC1422", "`..` in a URL", "http://host/a/../b"),
    ("http://me:secret@host/x", "CC1420", "password", "http://me:secret@host/x"),
    ("https://", "CC1420", "names nothing", "https://"),
    ("hf:a/b/c", "CC1420", "no repository", "a/b/c"),
    ("py:module", "CC1420", "a module and a class", "module"),
    ("py:module:Class@v1", "CC1420", "a module and a class", "module:Class@v1"),
    ("py:os.path;import:x", "CC1420", "a module and a class", "os.path;import:x"),
    ("onnx:x.onnx#part", "CC1420", "no parts", "#part"),
    ("a" * 3000, "CC1420", "3,000 characters", "a" * 2000),
]


@pytest.mark.parametrize(("text", "code", "told", "underlined"), SLIPS)
def test_slips(text, code, told, underlined):
    with pytest.raises(CompileError) as caught:
        parse_handle(text)
    (found,) = caught.value.diagnostics
    assert found.code == code and found.code in CODES
    assert told in f"{found.message} {found.hint}"
    assert not underlined or found.span.text == underlined
    assert found.hint and render_text([found])


def pieces():
    words = ["a", "b1", "/", "@", "#", ":", "//", "..", ".", "onnx:", "file:", "sha256:", "s3://"]
    return st.lists(st.sampled_from(words), max_size=9)


@given(st.one_of(st.text(max_size=40), pieces().map("".join)))
def test_any_text_is_a_handle_or_a_diagnostic(text):
    try:
        found = parse_handle(text)
    except CompileError as error:
        assert error.diagnostics and render_text(error.diagnostics)
        return
    assert found.text == text and found.name
    assert ".." not in found.name.split("/") and not found.name.startswith("/")
    assert parse_handle(found.text) == found
