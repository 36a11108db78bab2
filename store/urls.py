"""Files behind URLs, by fsspec (https://filesystem-spec.readthedocs.io): fetched in pieces into the store, bounded in size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..compiler.diagnostics import CompileError, did_you_mean
from ..compiler.loading.handles import Handle, refused
from ..compiler.loading.places import Blob
from .blobs import FULL
from .checkpoint import Found, read_files
from .files import BLOCK
from .store import Store

LARGEST = 256 << 30
"""Bytes of one file that are fetched."""

EXTRAS = {"hf": "hf", "http": "http", "https": "http", "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
PATIENCE = 60
"""Seconds without a byte after which a server is given up."""


def from_url(handle: Handle, store: Store, known: dict[str, UrlFiles]) -> tuple[str, Found]:
    """What lies behind a URL: a file, or an index with the shards beside it."""
    folder, name, query = taken_apart(handle.name)
    if not name:
        hint = "name a file, or `…/model.safetensors.index.json`"
        raise refused("CC1423", "a URL that ends in `/` names no file", handle.text, hint=hint)
    key = f"{folder}/{query}"
    if key not in known:
        known[key] = UrlFiles(filesystem(handle), folder, handle.text, store)
    files = replace(known[key], text=handle.text, queries={name: query})
    return handle.text, read_files(files, name, handle)


def taken_apart(url: str) -> tuple[str, str, str]:
    """The folder, the file's name, and what stands from `?` on: a query is how some servers are told who asks."""
    start = url.find("?") if url.startswith(("http:", "https:")) else -1
    path, query = (url, "") if start < 0 else (url[:start], url[start:])
    folder, _, name = path.rpartition("/")
    return folder, name, query


@dataclass
class UrlFiles:
    """What lies beside each other below a URL."""

    system: Any
    folder: str
    text: str
    store: Store
    queries: dict[str, str] = field(default_factory=dict)
    beside: bool = False
    _here: dict[str, Blob] = field(default_factory=dict)

    def names(self) -> Sequence[str] | None:
        return None

    def has(self, name: str) -> bool:
        url = self.url(name)
        return bool(Asking(self.text, url).do(lambda: _is_there(self.system, url)))

    def get(self, name: str) -> Blob:
        if name not in self._here:
            self._here[name] = fetch(self.system, self.url(name), self.text, self.store)
        return self._here[name]

    def url(self, name: str) -> str:
        return f"{self.folder}/{name}{self.queries.get(name, '')}"


HIDES = (401, 403, 410)
"""What servers answer, besides 404, of a file that is not there, or is not for who asks."""


def _is_there(system: Any, url: str) -> bool:
    """Whether a server has a file; one that does not answer has not said so, and raises what it raised."""
    try:
        system.info(url)
    except FileNotFoundError as error:
        why = _hidden(error)
        if why is None or getattr(why, "status", 0) in HIDES:
            return False
        raise
    return True


def fetch(system: Any, url: str, text: str, store: Store) -> Blob:
    """One file, into the store, which remembers where it came from."""
    asking = Asking(text, url)
    size = asking.do(lambda: system.info(url)).get("size")
    if size is not None and size > LARGEST:
        raise asking.failed(f"it has {size:,} bytes, and at most {LARGEST:,} are fetched")
    with store.writing() as writer:
        blob = writer.put(_pieces(system, url, size, asking))
        writer.keep_fetched(url, blob)
    return blob


def _pieces(system: Any, url: str, size: int | None, asking: Asking) -> Iterator[bytes]:
    # Whole files are read once from front to back: HTTP streams (`block_size=0`), others ask for a block at a time.
    http = {"block_size": 0, "headers": {"Accept-Encoding": "identity"}}
    options = http if system.protocol in ("http", ("http", "https")) else {"block_size": BLOCK, "cache_type": "readahead"}
    got = 0
    with asking.do(lambda: system.open(url, "rb", **options)) as file:
        while piece := asking.do(lambda: file.read(BLOCK)):
            got += len(piece)
            if got > LARGEST:
                raise asking.failed(f"it has more than {LARGEST:,} bytes, which are fetched at most")
            yield piece
    if size is not None and got != size:
        raise asking.failed(f"{got:,} bytes came, and {size:,} were announced")


@dataclass(frozen=True, slots=True)
class Asking:
    """Says what goes wrong with somebody else's server. Libraries raise whatever they like, so all of it is caught here."""

    text: str
    url: str

    def do(self, ask: Any) -> Any:
        try:
            return ask()
        except FileNotFoundError as error:
            if (why := _hidden(error)) is not None:
                raise self.failed(str(why) or type(why).__name__) from error
            hint = "is the address right, and does the server show it to you?"
            raise refused("CC1423", f"there is nothing at {self.url}", self.text, hint=hint) from error
        except ImportError as error:
            raise missing_extra(self.url.partition(":")[0], self.text, error) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise  # not the server: this disk, which the store tells of
            raise self.failed(str(error) or type(error).__name__) from error

    def failed(self, why: str) -> CompileError:
        first = " ".join(why.split())[:300]
        return refused("CC1430", f"{self.url} could not be fetched: {first}", self.text, hint="nothing of it was kept; try again")


def _hidden(error: FileNotFoundError) -> BaseException | None:
    """What fsspec's HTTP says as a missing file, and is none: no connection, or any answer but 404."""
    why = error.__cause__
    aside = isinstance(why, OSError) or type(why).__module__.startswith("aiohttp")
    return why if aside and getattr(why, "status", 0) != 404 else None


def filesystem(handle: Handle) -> Any:
    """The library that reads a scheme. CC1421 where there is none, CC1429 where it is to be installed, CC1422 where it reads this
    machine's files."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    scheme = handle.scheme
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise missing_extra(scheme, handle.text, error) from error
    except ValueError as error:
        hint = did_you_mean(scheme, fsspec.available_protocols()) or "fsspec.available_protocols() lists those that it knows"
        raise refused("CC1421", f"`{scheme}://` is no scheme that fsspec knows", handle.text, hint=hint) from error
    if issubclass(kind, LocalFileSystem):
        raise refused("CC1422", f"`{scheme}://` reads this machine's files", handle.text, hint="write `file:` and a path")
    options: dict[str, Any] = {}
    if scheme in ("http", "https"):
        import aiohttp

        # By default aiohttp gives up after five minutes, however much is still coming.
        options["client_kwargs"] = {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)}
    url = scheme + handle.name[len(scheme) :]
    # Who serves it is told to some by the URL (`ftp:`, `sftp:`, `webhdfs:`).
    return Asking(handle.text, url).do(lambda: fsspec.core.url_to_fs(url, **options)[0])


def missing_extra(scheme: str, text: str, error: ImportError) -> CompileError:
    """CC1429: the library that is to be installed."""
    extra = EXTRAS.get(scheme)
    hint = f"pip install 'chunkc[{extra}]'" if extra else " ".join(str(error).split())[:200]
    return refused("CC1429", f"`{scheme}:` needs a library that is not installed", text, hint=hint)
