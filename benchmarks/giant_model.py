"""The giants' weights: shards as a checkpoint has them, imported into a store, and the files that accelerate offloads to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

D, COUNT = 1024, 64


@dataclass(frozen=True, slots=True)
class Giant:
    """A spec, its name in the store, the path of its chunks in the state dict, and whether a router chooses among them."""

    spec: str
    name: str
    chunk: str
    routed: bool

    @property
    def handle(self) -> str:
        return f"{self.name}@v1"


ROOT = Path(__file__).resolve().parent
EXPERTS = Giant(str(ROOT / "giant.cc"), "giant", "expert", True)
LAYERS = Giant(str(ROOT / "giant_layers.cc"), "giant_layers", "block", False)


def shard(giant: Giant, place: int, d: int) -> dict[str, np.ndarray]:
    """The tensors of one chunk, drawn as `linear` draws them."""
    rng = np.random.default_rng(place)
    path = f"{giant.chunk}.{place}"
    found = {f"{path}.layer_norm_1.weight": np.ones(d, np.float32), f"{path}.layer_norm_1.bias": np.zeros(d, np.float32)}
    for name, outs, ins in (("linear_1", 8 * d, d), ("linear_2", d, 8 * d)):
        found[f"{path}.{name}.weight"] = _uniform(rng, (outs, ins), ins)
        found[f"{path}.{name}.bias"] = _uniform(rng, (outs,), ins)
    return {name: value for name, value in found.items() if "layer_norm" not in name} if giant.routed else found


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], ins: int) -> np.ndarray:
    return (rng.random(shape, np.float32) * 2 - 1) * np.float32(ins**-0.5)


def write_shards(giant: Giant, folder: Path, *, d: int = D, count: int = COUNT) -> None:
    """A checkpoint folder: a file for each chunk, one for the rest, and their index. Never more than one file in memory."""
    folder.mkdir(parents=True)
    where: dict[str, str] = {}
    for file, tensors in _files(giant, d, count):
        save_file(tensors, folder / file)
        where.update(dict.fromkeys(tensors, file))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}), encoding="utf-8")


def _files(giant: Giant, d: int, count: int) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    for place in range(count):
        yield f"model-{place:05d}.safetensors", shard(giant, place, d)
    if giant.routed:
        rng, gate = np.random.default_rng(count), "gate.linear_1"
        yield (
            "model-rest.safetensors",
            {f"{gate}.weight": _uniform(rng, (count, d), d), f"{gate}.bias": _uniform(rng, (count,), d)},
        )


def add(giant: Giant, folder: Path, store: Path) -> None:
    """Imports the checkpoint into a store, each chunk by itself."""
    command = [sys.executable, "-m", "chunkc", "store", "import", str(folder), "--as", giant.handle, "--store", str(store)]
    subprocess.run([*command, "--split", f"{giant.chunk}.{{i}}"], check=True, stdout=subprocess.DEVNULL)


def write_mapped(folder: Path, offload: Path) -> None:
    """The index by which accelerate reads the checkpoint's own safetensors."""
    offload.mkdir(parents=True, exist_ok=True)
    where = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))["weight_map"]
    index = {
        name: {"safetensors_file": str(folder / file), "weight_name": name, "dtype": "float32"} for name, file in where.items()
    }
    (offload / "mapped.json").write_text(json.dumps(index), encoding="utf-8")
