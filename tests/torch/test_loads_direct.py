"""Reads past the page cache: when, into which memory, and the same bits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from stored_models import active_layers, inputs, moe, stored

from chunkc.backends.torch.residing.direct import Regions, in_cache, read_past
from chunkc.backends.torch.residing.mapping import Extent, Held

MIB = 1 << 20


def test_memory_is_used_again_once_nothing_refers_to_it() -> None:
    regions = Regions()
    first = regions.take(MIB)
    first.fill_(7)
    at, part = first.data_ptr(), first[10:20]
    del first
    other = regions.take(MIB)
    assert other.data_ptr() != at and bool((part == 7).all()), "somebody still reads the first"
    del part
    again = regions.take(MIB)
    assert again.data_ptr() == at and not regions.free
    del again
    assert [size for _, size in regions.free] == [MIB]
    regions.take(2 * MIB)
    assert [size for _, size in regions.free] == [2 * MIB], "it goes before what is laid out anew"
    regions.close()
    assert not regions.free
    del other
    assert not regions.free


def dropped(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


def opened(path: Path) -> int:
    """A file whose system reads past the cache."""
    handle = os.open(path, os.O_RDONLY)
    if read_past(handle, 0, 4096, Regions(), lambda: None) is None:
        os.close(handle)
        pytest.skip("the file system of temporary files reads nothing past the page cache")
    return handle


def test_the_bytes_of_the_file(tmp_path: Path) -> None:
    path, content = tmp_path / "bytes", os.urandom(5 * 4096 + 17)
    path.write_bytes(content)
    dropped(path)
    handle = opened(path)
    for start, end in ((0, len(content)), (4096, 3 * 4096), (2 * 4096, 2 * 4096 + 5), (5 * 4096, len(content))):
        found = read_past(handle, start, end, Regions(), lambda: None)
        assert found is not None and bytes(found.numpy()) == content[start:end]
    with pytest.raises(OSError, match="ends too early"):
        read_past(handle, 0, len(content) + 4096, Regions(), lambda: None)
    held = Held()
    held.read(handle, [Extent(0, 4096)], lambda: None)
    assert in_cache([held.pieces[0].data]) is True
    os.close(handle)


@torch.no_grad()
@pytest.mark.parametrize("model", [active_layers, moe])
@pytest.mark.parametrize("chunks", [None, [""]], ids=["parts", "whole"])
def test_the_same_bits_past_the_cache(model: Any, chunks: Any, tmp_path: Path) -> None:
    graph = model()
    whole, made, _ = stored(graph, tmp_path, chunks)
    made(inputs(graph))  # files are verified by then
    os.close(opened(next(tmp_path.iterdir())))
    ways, cache = [], made._memory.loader.cache
    cache.way = lambda what, here: ways.append(what) or ("past" if len(ways) % 5 else "through")
    for seed in range(6):
        given = inputs(graph, seed)
        assert torch.equal(made(given), whole(given))
    traffic = made.residency()
    assert len(ways) > 5 and all(cache.pace.values()) and traffic.peak <= traffic.room


def test_a_file_system_that_cannot_is_read_through_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, made, _ = stored(active_layers(), tmp_path)
    monkeypatch.setattr("chunkc.backends.torch.residing.mapping.read_past", lambda *rest: None)
    made._memory.loader.cache.way = lambda what, here: "past"
    with torch.no_grad():
        for seed in range(2):
            assert torch.equal(made(inputs(whole.graph, seed)), whole(inputs(whole.graph, seed)))
