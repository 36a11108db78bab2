"""Handles: the text by which a spec names what is stored elsewhere, taken apart.

models/edges@stable#encoder          a local store's chunk: name, version or alias, part
models/edges@sha256:9f86d0…          pinned to its content
file:parts/edges.safetensors#head    a file beside the spec
hf:org/repo@main#layers.3            a Hugging Face repository
s3://bucket/model.safetensors        any fsspec URL
onnx:parts/shapes.onnx   pt2:parts/edges.pt2   py:package.module:Class
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..diagnostics import CompileError, Diagnostic, Label, did_you_mean
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


SCHEMES = ("file", "hf")
"""Schemes without `//` behind them."""

URLS = ("http", "https", "s3", "gs", "gcs", "az", "abfs", "adl", "ftp", "sftp", "memory", "r2", "oss", "hdfs", "webhdfs")
"""Schemes of URLs that are looked through for a near name; others are fsspec's to know."""

LOCAL_URLS = frozenset(
    ("asynclocal", "asyncwrapper", "blockcache", "cached", "data", "dask", "dir", "file", "filecache", "generic", "git")
    + ("libarchive", "local", "reference", "simplecache", "tar", "zip")
)
"""Protocols of fsspec that read this machine's files, or wrap others: none is read through a handle."""

LONGEST = 2000

_NAME = re.compile(r"[\w.+-]+")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def parse_handle(text: str) -> Handle:
    """Takes a handle apart; `CompileError` (CC1420, CC1421, CC1422) underlines what is wrong in it, whatever the text."""
    return _Reader(text).handle()


@dataclass
class _Reader:
    """A handle from left to right. `at`: where the rest begins."""

    text: str
    at: int = 0

    def handle(self) -> Handle:
        text = self.text
        if not text.strip():
            raise self.wrong("the handle is empty", 0, len(text), hint="write `name@version`, as in `models/edges@stable`")
        if len(text) > LONGEST:
            raise self.wrong(f"the handle has {len(text):,} characters", 0, LONGEST, hint=f"at most {LONGEST:,} are read")
        for i, char in enumerate(text):
            if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") or char.isspace():
                hint = "leave it out; a file whose name has it is renamed, or put into the store: `chunkc store add`"
                raise self.wrong(f"the character {char!a} stands in no handle", i, i + 1, hint=hint)
        runner = self.word(RUNNERS)
        if runner == "py":
            return self.python()
        scheme = self.scheme()
        name_end, version, part = self.tail(scheme)
        name = text[self.at : name_end]
        if runner and not scheme and name.endswith(f".{runner}"):
            scheme = "file"
        if not name:
            raise self.wrong("the handle names nothing", self.at, name_end, hint="write what it stands for, as in `models/edges`")
        self.check_name(scheme, name)
        if runner and part:
            raise self.wrong(
                f"`{runner}:` runs a whole file, which has no parts", name_end, len(text), hint="leave out what stands behind `#`"
            )
        return Handle(text, runner, scheme, name, version, part)

    # ---- what stands in front

    def word(self, known: tuple[str, ...]) -> str:
        """The word before the next `:`, if it is one of these; then reading goes on behind it."""
        found = _SCHEME.match(self.text, self.at)
        if found is None or found[1] not in known:
            return ""
        self.at = found.end()
        return found[1]

    def scheme(self) -> str:
        """The scheme of what follows; a URL's stays in its name too."""
        text, found = self.text, _SCHEME.match(self.text, self.at)
        if found is None:
            return ""
        name, start, end = found[1], found.start(1), found.end(1)
        if text.startswith("//", found.end()):
            if name.lower() in LOCAL_URLS or "::" in text:
                hint = "write `file:` and a path beside the spec, or put what it names into the store"
                raise self.wrong("a handle does not read this machine's files by a URL", start, end, "CC1422", hint=hint)
            return name.lower()
        if name in SCHEMES:
            self.at = found.end()
            return name
        if name in RUNNERS:
            raise self.wrong(f"`{name}:` stands first, and once", start, end, hint=f"leave out this `{name}:`")
        known = (*RUNNERS, *SCHEMES)
        hint = f"write `{name}://…`" if name in URLS else did_you_mean(name, (*known, *URLS))
        raise self.wrong(
            f"`{name}:` is no scheme of a handle",
            start,
            end,
            "CC1421",
            hint=hint or f"they are {', '.join(f'`{one}:`' for one in known)}, and URLs as `s3://…`; a store's names have no `:`",
        )

    def python(self) -> Handle:
        """`py:package.module:Class`."""
        module, colon, name = self.text[self.at :].partition(":")
        if not colon or not _DOTTED.fullmatch(module) or not _DOTTED.fullmatch(name):
            hint = "write `py:package.module:Class`; its version is that of what is installed (`requires`)"
            raise self.wrong("`py:` takes a module and a class of it", self.at, len(self.text), hint=hint)
        return Handle(self.text, "py", "", f"{module}:{name}")

    # ---- what stands behind

    def tail(self, scheme: str) -> tuple[int, str, str]:
        """Where the name ends, the version and the part."""
        text = self.text
        hash_at = text.find("#", self.at)
        end = len(text) if hash_at < 0 else hash_at
        part = "" if hash_at < 0 else text[hash_at + 1 :]
        if hash_at >= 0:
            self.check_part(part, hash_at)
        if scheme in ("", "hf"):
            sign = text.find("@", self.at, end)
        else:  # a URL or a path may have an `@` of its own
            sign = text.rfind("@sha256:", self.at, end)
        if sign < 0:
            return end, "", part
        return sign, self.version(text[sign + 1 : end], sign + 1, scheme), part

    def check_part(self, part: str, hash_at: int) -> None:
        if not part:
            raise self.wrong("`#` with no part behind it", hash_at, hash_at + 1, hint="leave out `#`, or name a part: `#encoder`")
        if "#" in part:
            second = self.text.index("#", hash_at + 1)
            raise self.wrong("a second `#`", second, second + 1, hint="parts of parts have dots between: `#layers.3`")
        at = hash_at + 1
        for piece in part.split("."):
            if not _NAME.fullmatch(piece):
                hint = "parts are names and numbers with dots between, as in `#layers.3`; a version stands before `#`"
                raise self.wrong("this is no name of a part", at, at + max(len(piece), 1), hint=hint)
            at += len(piece) + 1

    def version(self, version: str, at: int, scheme: str) -> str:
        """A version as it is kept: digits of a pin in lower case."""
        end = at + len(version)
        if not version:
            raise self.wrong("`@` with no version behind it", at - 1, at, hint="write a version, an alias or `sha256:…`")
        algorithm, colon, digits = version.partition(":")
        if colon:
            if algorithm != "sha256":
                raise self.wrong(f"content is pinned by sha256, not `{algorithm}`", at, end, hint="write `@sha256:…`")
            if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
                hint = "it has 64 digits 0-9 a-f; `chunkc store list` prints them"
                raise self.wrong(f"this is no sha256: {len(digits)} characters", at, end, hint=hint)
            return f"sha256:{digits.lower()}"
        pieces = version.split("/") if scheme == "hf" else [version]
        if not all(_NAME.fullmatch(piece) and piece.strip(".") for piece in pieces):
            hint = "write letters, digits and `.` `_` `-` `+`" if "@" not in version else "one `@` stands before the version"
            raise self.wrong("this is no version", at, end, hint=hint)
        return version

    # ---- the name

    def check_name(self, scheme: str, name: str) -> None:
        at = self.at
        if scheme not in ("", *SCHEMES):
            self.check_url(scheme, name)
            return
        if name.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:[\\/]", name):
            hint = "write a path relative to the spec's folder" if scheme == "file" else "names begin with no `/`"
            raise self.wrong("a handle has no absolute path", at, at + len(name), "CC1422", hint=hint)
        if scheme == "hf" and name.count("/") > 1:
            hint = "write `hf:organisation/repository@revision#part`"
            raise self.wrong("this names no repository", at, at + len(name), hint=hint)
        for piece in name.split("/"):
            self.check_piece(scheme, piece, at)
            at += len(piece) + 1

    def check_piece(self, scheme: str, piece: str, at: int) -> None:
        """One name between `/`."""
        end = at + max(len(piece), 1)
        if piece == "..":
            hint = "what lies elsewhere is put into the store"
            raise self.wrong("`..` leaves the folder that a handle may read", at, end, "CC1422", hint=hint)
        bad = re.search(r"[^\w.+-]" if scheme != "file" else r"[\\:*?\"<>|]", piece)
        if bad:
            hint = "names are letters, digits and `.` `_` `-` `+`, with `/` between" if scheme != "file" else "rename the file"
            raise self.wrong(f"`{bad[0]}` stands in no name", at + bad.start(), at + bad.end(), hint=hint)
        if not piece.strip("."):
            message = "this is no name" if piece else "an empty name between `/`"
            raise self.wrong(message, at, end, hint="leave it out: names and paths begin without `./`, and have one `/` between")

    def check_url(self, scheme: str, name: str) -> None:
        host, _, path = name.partition("://")[2].partition("/")
        at = self.at
        if ":" in host.rpartition("@")[0]:
            hint = "give it by the environment, as the library of that scheme reads it: specs and locks are shared"
            raise self.wrong("a password in a handle", at, at + len(name), hint=hint)
        if not (host or path):
            raise self.wrong("the URL names nothing", at, at + len(name), hint="write it whole: `https://host/x.safetensors`")
        if ".." in path.split("/"):
            raise self.wrong("`..` in a URL", at, at + len(name), "CC1422", hint="write the path without it")

    def wrong(self, message: str, start: int, end: int, code: str = "CC1420", *, hint: str = "") -> CompileError:
        source = Source("<handle>", self.text)
        return CompileError([Diagnostic(code, message, (Label(Span(source, start, end), "here"),), hint)])
