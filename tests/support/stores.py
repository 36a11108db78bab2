"""Stores for tests: with tensors of which every byte is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from chunkc.store.adding import add
from chunkc.store.manifest import Part
from chunkc.store.store import Store


def arrays(seed: int = 0, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Random f32 arrays by name; `__` in a name stands for a dot."""
    draw = np.random.default_rng(seed)
    return {name.replace("__", "."): draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def edges(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights with sizes that are multiples of 64 bytes, and others."""
    return arrays(seed, encoder__linear_1__weight=(8, 16), encoder__linear_1__bias=(3,), head__weight=(5, 7), scale=())


def weights_file(folder: Path, values: dict[str, np.ndarray], name: str = "weights.safetensors") -> Path:
    """A file as the library writes it."""
    save_file(values, folder / name)
    return folder / name


def store_with(folder: Path, *versions: str, name: str = "models/edges") -> Store:
    """A store in `folder/chunkc-store` with versions of `edges`, each with other values."""
    store = Store(folder / "chunkc-store")
    for seed, version in enumerate(versions):
        add(store, weights_file(folder, edges(seed)), name, version)
    return store


def read(place) -> np.ndarray:
    """The array that a `TensorPlace` says, of f32."""
    data = np.fromfile(place.blob.path, np.uint8, place.bytes, offset=place.start)
    return data.view(np.float32).reshape(place.shape)


def in_parts(store: Store, name: str, version: str, parts: dict[str, dict[str, np.ndarray]]):
    """A version of several parts."""
    with store.writing() as writer:
        return writer.publish(name, version, {part: Part(writer.put_tensors(tensors(values))) for part, values in parts.items()})


def tensors(values: dict[str, np.ndarray]):
    """Arrays as what a writer takes."""
    from chunkc.store.writing import Tensor

    return [Tensor(name, "f32", each.shape, each.nbytes, lambda each=each: [each.tobytes()]) for name, each in values.items()]
