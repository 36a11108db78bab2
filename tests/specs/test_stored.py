"""A spec whose chunks lie in a store, from `chunkc.compile` on: what is served when aliases move, and when files are harmed."""

import itertools
import os
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from stores import weights_file

import chunkc
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.places import Unloadable
from chunkc.store.adding import add
from chunkc.store.store import Store
from chunkc.store.verifying import verify

SPEC = """
model served(d: int = 8) {{
  input x: f32[B, d]
  chunk a(x) {{ x |> linear(d) }} from "models/a@stable"
  chunk b(x: f32[B, d]) -> f32[B, d] = extern("models/b@stable")
  chunk c(x) {{ x |> linear(d) }} from "models/c@v1"
  router r {{ score = x |> linear(3)  keep = top(2) }}
  {memory}
  fuse y = weighted_sum([a(x), b(x), c(x)], by=r)
  output y
}}
"""
B = "model b {\n  input x: f32[B, 8]\n  output y = x |> linear(8)\n}\n"


def linear(seed: int, path: str = "linear_1", dtype: str = "float32", size: int = 8) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    shapes = {"weight": (size, 8), "bias": (size,)}
    return {f"{path}.{name}": draw.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


class Place:
    """A folder with a store and the spec."""

    def __init__(self, folder: Path):
        self.folder, self.store = folder, Store(folder / "chunkc-store")
        (folder / "b.cc").write_text(B)
        for version in (1, 2):
            self.put("a", f"v{version}", linear(version))
            self.put("c", f"v{version}", linear(20 + version))
            weights = weights_file(folder, linear(10 + version, "y.linear_1"))
            add(self.store, folder / "b.cc", "models/b", f"v{version}", weights)
        for name in "ab":
            self.store.alias(f"models/{name}", "stable", "v1")

    def put(self, name: str, version: str, values: dict[str, np.ndarray]) -> None:
        add(self.store, weights_file(self.folder, values), f"models/{name}", version)

    def module(self, memory: str = ""):
        (self.folder / "served.cc").write_text(SPEC.format(memory=memory))
        return chunkc.compile(self.folder / "served.cc").eval()

    def pin(self, name: str) -> str:
        return self.store.version(f"models/{name}", "v1").sha256

    def blob(self, name: str, version: str) -> str:
        return self.store.version(f"models/{name}", version).parts[""].blob.path


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    return Place(tmp_path)


X = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))


def call(module):
    with torch.no_grad():
        return module(X)


def by_hand(module, a: int = 1, b: int = 1, absent: str = "", zeroed: str = ""):
    """What the spec says, with the stored weights of these versions; without one of the chunks, or with zeros for it."""
    own = module.state_dict()
    score = X @ own["r.linear_1.weight"].T + own["r.linear_1.bias"]
    ranked = score.clone()
    if absent:
        ranked[:, "abc".index(absent)] = -torch.inf
    kept = torch.zeros_like(score).scatter(1, ranked.sort(dim=1, descending=True, stable=True).indices[:, :2], 1.0)
    parts = [linear(a), {name[2:]: value for name, value in linear(10 + b, "y.linear_1").items()}, linear(21)]
    outs = [X @ torch.from_numpy(p["linear_1.weight"]).T + torch.from_numpy(p["linear_1.bias"]) for p in parts]
    shares = (score.softmax(1) * kept).T
    return sum(w[:, None] * out for w, out, name in zip(shares, outs, "abc") if name != zeroed)


def test_stored_chunks_compute_what_their_weights_say(place):
    module = place.module()
    torch.testing.assert_close(call(module), by_hand(module))
    place.store.alias("models/b", "stable", "v2")
    torch.testing.assert_close(call(module), by_hand(module, b=2))
    torch.testing.assert_close(call(place.module()), by_hand(module, b=2))


def test_an_alias_moves_while_threads_call(place):
    module = place.module()
    wanted = {(a, b): by_hand(module, a, b) for a, b in itertools.product((1, 2), repeat=2)}
    seen, wrong, stop = set(), [], threading.Event()

    def serve():
        while not stop.is_set():
            y = call(module)
            like = [versions for versions, value in wanted.items() if torch.allclose(y, value, atol=1e-5)]
            seen.update(like)
            if len(like) != 1:
                wrong.append(y)

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version, name in itertools.islice(itertools.cycle(itertools.product(("v2", "v1"), "ab")), 40):
        place.store.alias(f"models/{name}", "stable", version)
    for thread in (stop.set(), *threads)[1:]:
        thread.join()
    assert not wrong and len(seen) >= 3
    torch.testing.assert_close(call(module), by_hand(module))


def test_a_version_that_does_not_fit_is_not_taken(place):
    module = place.module()
    first = call(module)
    for version, values in enumerate((linear(3, size=9), linear(3, dtype="float64"), linear(3, "linear_2")), 3):
        place.put("a", f"v{version}", values)
        place.store.alias("models/a", "stable", f"v{version}")
        with pytest.warns(RuntimeWarning, match=f"CC1415: the chunk `a` cannot take `models/a@v{version}`"):
            assert torch.equal(call(module), first)
        with pytest.raises(CompileError, match=r"linear_1"):
            place.module()
    place.store.alias("models/a", "stable", "v2")
    torch.testing.assert_close(call(module), by_hand(module, a=2))


def flip(path):
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(-3, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-3, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


def cut(path):
    os.chmod(path, 0o644)
    os.truncate(path, os.path.getsize(path) - 1)


@pytest.mark.parametrize("harm", [flip, cut, os.unlink])
def test_a_harmed_blob_is_an_error_until_it_is_whole(place, harm):
    module = place.module()
    harm(place.blob("c", "v1"))
    with warnings.catch_warnings(), pytest.raises(Unloadable, match="the chunk `c` cannot be loaded"):
        warnings.simplefilter("ignore")  # that nothing newer can be had either
        call(module)
    assert len(verify(place.store).findings) == 1
    place.put("c", "v1", linear(21))
    assert not verify(place.store).findings
    torch.testing.assert_close(call(module), by_hand(module))


def loop(place):
    text = place.store.aliases.path.read_text().replace('stable = "v1"', 'stable = "x"\nx = "stable"', 1)
    place.store.aliases.path.write_text(text)


def test_tables_that_are_harmed_stop_no_model_that_serves(place):
    module = place.module()
    first = call(module)
    loop(place)
    with pytest.warns(RuntimeWarning, match="CC1410"):
        assert torch.equal(call(module), first)
    with pytest.raises(CompileError, match="stand for each other: stable -> x -> stable"):
        place.module()
    place.store.index.path.write_text("garbage [")
    with pytest.warns(RuntimeWarning, match="CC1401"):
        assert torch.equal(call(module), first)


def harmed(place, fault: str) -> None:
    """`c` cannot be had."""
    blob = place.blob("c", "v1")
    match fault:
        case "flipped bit":
            flip(blob)
        case "cut short":
            cut(blob)
        case "gone":
            os.unlink(blob)
        case "a link":
            os.rename(blob, f"{blob}.away")
            os.symlink(f"{blob}.away", blob)
        case "no manifest":
            os.unlink(place.store.root / "blobs" / "sha256" / place.pin("c")[:2] / place.pin("c"))


FAULTS = ("flipped bit", "cut short", "gone", "a link", "no manifest")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_rest_is_served_without_what_is_harmed(place, fault):
    early = place.module("memory { on_missing = skip }")
    torch.testing.assert_close(call(early), by_hand(early))
    harmed(place, fault)
    with pytest.warns(RuntimeWarning, match="`c` is missing.*calls do without it"):
        late = place.module("memory { on_missing = skip }")
        found = call(late)
    torch.testing.assert_close(found, by_hand(late, absent="c"))
    ((name, (why,)),) = late.missing().items()
    assert name == "c" and why.code in ("CC1408", "CC1409", "CC1452") and why.hint
    with pytest.raises((CompileError, Unloadable), match="CC14"):
        call(place.module())
    if fault not in ("flipped bit", "cut short"):  # done in place here, where it is mapped
        torch.testing.assert_close(call(early), by_hand(early))
    # One that did without it takes it when it is whole again.
    place.put("c", "v1", linear(21))
    torch.testing.assert_close(call(late), by_hand(late))
    assert not late.missing()


def test_zeros_stand_for_what_is_missing(place):
    module = place.module("memory { on_missing = zero }")
    harmed(place, "gone")
    with pytest.warns(RuntimeWarning, match="CC1454: the chunk `c` is missing"):
        found = call(module)
    torch.testing.assert_close(found, by_hand(module, zeroed="c"))
