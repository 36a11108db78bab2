"""What goes wrong with files: a clear error, nothing leaked, and the rest is served."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored_models import inputs, moe, stored

from chunkc.backends.torch.residing.libc import touch_pages
from chunkc.backends.torch.residing.mapping import Extent, Held
from chunkc.compiler.loading.places import Unloadable


def truncated(path: Path, places: Any) -> Any:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size - 100)
    return places


def flipped(path: Path, places: Any) -> Any:
    content = bytearray(path.read_bytes())
    content[-5] ^= 4
    path.write_bytes(content)
    return places


def flipped_in_place(path: Path, places: Any) -> Any:
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"?")
    return places


def gone(path: Path, places: Any) -> Any:
    path.unlink()
    return places


def a_folder(path: Path, places: Any) -> Any:
    path.unlink()
    path.mkdir()
    return places


def other_dtype(path: Path, places: Any) -> Any:
    return {name: replace(place, dtype="f16", bytes=place.bytes // 2) for name, place in places.items()}


def other_shape(path: Path, places: Any) -> Any:
    return {name: replace(place, shape=(*place.shape, 1)) for name, place in places.items()}


def fewer(path: Path, places: Any) -> Any:
    return dict(list(places.items())[1:])


def beyond(path: Path, places: Any) -> Any:
    return {name: replace(place, start=place.start + 4096) for name, place in places.items()}


FAULTS = {
    truncated: ("CC1451", "bytes"),
    flipped: ("CC1452", "are not those that were stored"),
    gone: ("CC1450", "there is no file"),
    a_folder: ("CC1450", "is no file"),
    other_dtype: ("CC1453", "is f16"),
    other_shape: ("CC1453", ", 1\\]"),
    fewer: ("CC1453", "it has no tensor"),
    beyond: ("CC1451", "beyond the end"),
}


def only(way: int) -> dict[str, torch.Tensor]:
    kept = torch.zeros(5, 3, 8, dtype=torch.bool)
    kept[..., way] = True
    return {"gate": kept}


@pytest.mark.parametrize("aligned", [4096, 8])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_the_rest_is_served(fault: Callable[..., Any], aligned: int, tmp_path: Path) -> None:
    graph = moe()
    whole, made, versions = stored(graph, tmp_path, aligned=aligned)
    given = inputs(graph)
    broken = versions.snapshot["expert.3"]
    kept = (tmp_path / "expert.3.safetensors").read_bytes()
    places = fault(tmp_path / "expert.3.safetensors", broken.tensors)
    versions.snapshot = {**versions.snapshot, "expert.3": replace(broken, tensors=places)}
    code, message = FAULTS[fault]
    with torch.no_grad():
        for _ in range(2):
            with made.replay(only(3)), pytest.raises(Unloadable, match=f"{code}.*`expert.3`.*{message}") as found:
                made(given)
            assert found.value.path == "expert.3" and found.value.diagnostic.hint
            assert found.value.diagnostic.span.text == "expert.3", "the place is the handle"
            residents = made._memory.residents
            assert not residents.held and "expert.3" not in residents.resident
            with made.replay(only(2)), whole.replay(only(2)):
                assert torch.equal(made(given), whole(given))
        if fault is a_folder:
            (tmp_path / "expert.3.safetensors").rmdir()
        (tmp_path / "expert.3.safetensors").write_bytes(kept)
        versions.snapshot = {**versions.snapshot, "expert.3": broken}
        with made.replay(only(3)), whole.replay(only(3)):
            assert torch.equal(made(given), whole(given)), "it is there again"


@pytest.mark.parametrize("harm", [truncated, flipped_in_place])
def test_a_file_that_is_written_to_while_it_is_resident_is_told(harm: Callable[[Path, Any], Any], tmp_path: Path) -> None:
    """A mapping shows what is written to its file, and ends the process where the file ends: neither may come to that."""
    whole, made, _ = stored(moe(), tmp_path)
    given = inputs(made.graph)
    with torch.no_grad():
        with made.replay(only(3)), whole.replay(only(3)):
            assert torch.equal(made(given), whole(given))
        assert "expert.3" in made._memory.residents.resident
        harm(tmp_path / "expert.3.safetensors", None)
        for _ in range(2):
            with made.replay(only(3)), pytest.raises(Unloadable, match="CC145[12].*`expert.3`"):
                made(given)
        with made.replay(only(2)), whole.replay(only(2)):
            assert torch.equal(made(given), whole(given))


def test_pages_of_a_file_that_ends_while_they_are_touched_end_no_process(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))
    held = Held()
    with path.open("rb") as file:
        held.read(file.fileno(), [Extent(0, 1 << 20)], lambda: None)
    (piece,) = held.pieces
    assert touch_pages(piece.data.data_ptr(), 1 << 20)
    os.truncate(path, 4096)
    held.touch(lambda: True)
    assert touch_pages(piece.data.data_ptr(), 4096) and not touch_pages(piece.data.data_ptr(), 8192)
    held.drop()
