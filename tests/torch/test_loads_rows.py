"""Weights under a mask of neurons, channels or heads, in files: only the rows that are kept are read, and all is as in memory."""

from __future__ import annotations

import mmap
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stored import Fixed, parts

from chunkc.backends.torch import compile
from chunkc.backends.torch.emission import partial_weights
from chunkc.backends.torch.residing.mapping import Extent, Held
from chunkc.backends.torch.residing.rows import Rows, runs_of
from chunkc.compiler.ir import Attrs, Graph
from chunkc.compiler.loading.places import Unloadable
from chunkc.grammar.elaborate import load
from chunkc.passes import pipeline

SPECS = Path(__file__).resolve().parents[2] / "specs"
PAGE = mmap.PAGESIZE
WIDE = """
model wide(d: int = 1024, layers: int = 3) {
  input x: f32[B, d]
  chunk layer[layers](h) {
    param w: f32[64, d]
    param b: f32[64]
    mask live { score = h |> linear(4) |> linear(64)  grain = neuron  keep = top(25%) }
    output y = h + (h |> linear(w, bias=b, mask=live) |> relu |> linear(d))
  }
  h = x
  for i in 0..layers { h = layer[i](h) }
  output h
}
"""
"""One row of a `w` is a page."""
IMAGES = """
model images(c: int = 8, layers: int = 3) {
  input x: f32[B, c, H, W]
  chunk layer[layers](h) {
    param w: f32[4 * c, c, 3, 3]
    mask live { score = h |> mean(H, W) |> linear(4 * c)  grain = channel  keep = top(25%) }
    output y = h + (h |> conv2d(w, padding=1, mask=live) |> relu |> conv2d(c, 1))
  }
  h = x
  for i in 0..layers { h = layer[i](h) }
  output h
}
"""


def graph_of(text: str, folder: Path, **params: int) -> Graph:
    (folder / "model.cc").write_text(text)
    return load(folder / "model.cc", params=params)


STACKED = """
use "topk_neurons.cc"
model stacked(d: int = 32, layers: int = 3) {
  input x: f32[B, T, d]
  chunk layer[layers](h) { h + topk_neurons(h, d=d) }
  h = x
  for i in 0..layers { h = layer[i](h) }
  output h
}
"""


def stacked(folder: Path) -> Graph:
    (folder / "topk_neurons.cc").write_text((SPECS / "topk_neurons.cc").read_text())
    return graph_of(STACKED, folder)


def deja_vu(folder: Path) -> Graph:
    return load(SPECS / "deja_vu.cc", params={"d": 32, "layers": 3, "h": 4})


def stored(graph: Graph, folder: Path, share: float = 0.7, passes: tuple[str, ...] = (), **options: Any) -> tuple[Any, Any]:
    """The module with all in memory, and the same with its chunks in files under a budget."""
    graph = replace(graph, memory=Attrs(budget=("share", share)))
    whole = compile(pipeline.run(graph, list(passes))).eval()
    units = sorted({".".join(entry.path.split(".")[:2]) for entry in graph.parameters})
    versions = Fixed(parts(folder / "parts", whole.state_dict(), units, **options))
    return whole, compile(pipeline.run(graph, [*passes, "schedule"]), versions=versions).eval()


def wide(folder: Path, **options: Any) -> tuple[Any, Any]:
    return stored(graph_of(WIDE, folder), folder, **options)


@pytest.mark.parametrize("model", [stacked, deja_vu])
def test_the_same_bits_as_in_memory(model: Any, tmp_path: Path) -> None:
    graph = model(tmp_path)
    whole, made = stored(graph, tmp_path)
    assert len(made.sources.partial) == 3 and "load_rows(" in made.source and "load_rows(" not in whole.source
    with torch.no_grad():
        for seed in range(4):
            torch.manual_seed(seed)
            x = torch.randn(2, 3, 32)
            assert torch.equal(made(x), whole(x))
            with made.replay(whole.decisions()):
                assert torch.equal(made(x), whole(x))
        assert torch.equal(made.log_steps(x).value, whole(x))
    assert made.residency().rows > 0 and made.residency().peak <= made.residency().room


def test_only_kept_rows_are_read_and_each_once_while_it_is_held(tmp_path: Path) -> None:
    whole, made = wide(tmp_path, share=1.0)
    torch.manual_seed(0)
    x = torch.randn(1, 1024)
    with torch.no_grad():
        assert torch.equal(made(x), whole(x))
    traffic = made.residency()
    # 16 of 64 neurons a layer; a row lies on one page where the file begins with the weight, else on two.
    assert 3 * 16 * PAGE <= traffic.rows <= 3 * 32 * PAGE
    total = sum(value.nbytes for value in whole.state_dict().values())
    assert traffic.bytes == total - 3 * 64 * PAGE + traffic.rows and traffic.peak == total
    with torch.no_grad():
        made(x)
        assert made.residency().rows == traffic.rows  # all there
        many = torch.randn(64, 1024)
        assert torch.equal(made(many), whole(many))
    assert traffic.rows < made.residency().rows <= 3 * 65 * PAGE


def test_rows_go_with_their_chunk(tmp_path: Path) -> None:
    whole, made = wide(tmp_path, share=0.4)
    torch.manual_seed(0)
    x = torch.randn(1, 1024)
    with torch.no_grad():
        made(x)
        before = made.residency().rows
        assert torch.equal(made(x), whole(x)) and made.residency().rows == 2 * before
    assert made.residency().evictions >= 3


def test_many_threads(tmp_path: Path) -> None:
    whole, made = wide(tmp_path, share=0.7)
    torch.manual_seed(0)
    given = [torch.randn(1 + i % 3, 1024) for i in range(24)]
    with torch.no_grad():
        expected = [whole(x) for x in given]
    wrong = []

    def calls(mine: int) -> None:
        with torch.no_grad():
            wrong.extend(i for i in range(mine, 24, 4) if not torch.equal(made(given[i]), expected[i]))

    threads = [threading.Thread(target=calls, args=(mine,)) for mine in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("where", [0, -1], ids=["in the weight", "beside it"])
def test_a_flipped_bit_is_found_before_rows_are_trusted(tmp_path: Path, where: int) -> None:
    _, made = wide(tmp_path)
    place = made._memory.versions.now()["layer.0"].tensors["w"]
    data = bytearray(Path(place.blob.path).read_bytes())
    data[place.start + 40 * PAGE if where == 0 else where] ^= 1
    Path(place.blob.path).write_bytes(data)
    with torch.no_grad(), pytest.raises(Unloadable, match="CC1452"):
        made(torch.randn(1, 1024))


def test_what_is_not_aligned_is_read_whole(tmp_path: Path) -> None:
    whole, made = wide(tmp_path, aligned=8)
    x = torch.randn(2, 1024)
    with torch.no_grad():
        assert torch.equal(made(x), whole(x))
    places = [place for one in made._memory.versions.now().values() for name, place in one.tensors.items() if name == "w"]
    if not any(place.start % 64 == 0 for place in places):
        assert made.residency().rows == 0


def test_channels_of_convolutions(tmp_path: Path) -> None:
    whole, made = stored(graph_of(IMAGES, tmp_path), tmp_path)
    with torch.no_grad():
        for seed in range(3):
            torch.manual_seed(seed)
            x = torch.randn(1, 8, 5, 5)
            assert torch.equal(made(x), whole(x))
    assert "load_rows(ctx.host, self.w, unsqueeze, axis=-3)" in made.source and made.residency().rows > 0


@pytest.mark.parametrize(
    "other", ["h |> linear(w) |> relu |> linear(d)", "(h |> linear(w, mask=live) |> linear(d)) * mean(mean(w))"]
)
def test_a_weight_that_something_else_reads_is_read_whole(tmp_path: Path, other: str) -> None:
    text = WIDE.replace("output y = h +", f"other = {other}\n    output y = other +")
    assert not partial_weights(graph_of(text, tmp_path))
    assert len(partial_weights(graph_of(WIDE, tmp_path))) == 3


def test_a_mask_that_is_the_same_in_every_call_takes_its_rows_once(tmp_path: Path) -> None:
    text = WIDE.replace("score = h |> linear(4) |> linear(64)", "score = importance")
    text = text.replace("param b: f32[64]", "param b: f32[64]\n    param importance: f32[64]")
    whole, made = stored(graph_of(text, tmp_path), tmp_path, passes=("hoist",))
    x = torch.randn(2, 1024)
    with torch.no_grad():
        assert torch.allclose(made(x), whole(x))


# ---- pages


@pytest.mark.parametrize("size, begin", [(PAGE, 0), (PAGE, 64), (256, 128), (3 * PAGE + 64, 192), (12, 0)])
def test_pages_of_rows(tmp_path: Path, size: int, begin: int) -> None:
    count, start = 37, 3 * PAGE + begin
    rng = np.random.default_rng(0)
    content = rng.bytes(start + count * size + 50)
    (tmp_path / "f").write_bytes(content)
    with open(tmp_path / "f", "rb") as file:
        held = Held()
        piece = held.reserve(file.fileno(), Extent(start, count * size))
    rows = Rows(piece, start - piece.start, count, count * size, RuntimeError)
    for _ in range(5):
        before, kept = rows.there.copy(), rng.random(count) < 0.2
        expected = {at // PAGE for row in np.flatnonzero(kept) for at in range(begin + row * size, begin + (row + 1) * size)}
        assert set(np.flatnonzero(rows.pages(np.flatnonzero(kept)))) == expected
        read = rows.load(kept)
        assert set(np.flatnonzero(rows.there)) >= expected | set(np.flatnonzero(before))
        assert read >= (len(expected - set(np.flatnonzero(before))) - 1) * PAGE
        for row in np.flatnonzero(kept):
            found = piece.bytes_of(Extent(start + int(row) * size, size)).numpy().tobytes()
            assert found == content[start + row * size : start + (row + 1) * size]
    assert rows.load(np.zeros(count, bool)) == 0
    held.drop()


def test_where_most_is_kept_all_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(16 * PAGE))
    with open(tmp_path / "f", "rb") as file:
        held = Held()
        rows = Rows(held.reserve(file.fileno(), Extent(0, 16 * PAGE)), 0, 16, 16 * PAGE, RuntimeError)
    assert rows.load(np.arange(16) % 4 == 0) == 4 * PAGE
    assert rows.load(np.arange(16) % 3 == 0) == 4 * PAGE  # of six, two were there
    assert rows.load(np.arange(16) > 0) == 8 * PAGE and rows.there.all()
    held.drop()


def test_a_file_that_is_cut_short_is_an_error_and_no_signal(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(8 * PAGE))
    with open(tmp_path / "f", "rb") as file:
        held = Held()
        rows = Rows(held.reserve(file.fileno(), Extent(0, 8 * PAGE)), 0, 8, 8 * PAGE, lambda error: RuntimeError(error))
    os.truncate(tmp_path / "f", 4 * PAGE)
    assert rows.load(np.arange(8) < 4) == 4 * PAGE
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Bad address"):
            rows.load(np.arange(8) > 5)
    held.drop()


def test_runs() -> None:
    assert runs_of(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert runs_of(np.zeros(3, bool)) == []
