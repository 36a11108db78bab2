"""What a torch.export archive may hold, and what reading it could run."""

import io
import pickle  # noqa: TID251 - what is refused has to be made
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_files import foreign, write_archive
from torch import nn

from chunkc.backends.torch.foreign.archive import is_arithmetic
from chunkc.backends.torch.foreign.runners import load
from chunkc.compiler.loading.places import Unloadable


class Net(nn.Module):
    """Reshapes, a buffer, a plain tensor and sizes that are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 3)
        self.register_buffer("shift", torch.arange(3.0))
        self.plain = torch.ones(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pairs = x.reshape(x.shape[0] * 2, 2)
        means = (self.inner(pairs) + self.shift).reshape(x.shape[0], 2, 3).mean(1)
        return means * self.plain / x.shape[0] + x.new_zeros(x.shape[0], 3)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: Any) -> Path:
    torch.manual_seed(0)
    return write_archive(tmp_path_factory.mktemp("pt2") / "net.pt2", Net(), torch.randn(5, 4))


Changes = dict[str, Callable[[bytes], bytes]]


def changed(archive: Path, path: Path, changes: Changes, more: dict[str, bytes] | None = None) -> Path:
    """The archive with some entries changed, and others added (with `/`: at its top)."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        root = source.namelist()[0].partition("/")[0]
        for name in source.namelist():
            change = changes.get(name.partition("/")[2], lambda data: data)
            target.writestr(name, change(source.read(name)))
        for name, data in (more or {}).items():
            target.writestr(name[1:] if name.startswith("/") else f"{root}/{name}", data)
    return path


class Evil:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemError('it ran')",)


def pickled(_: bytes) -> bytes:
    buffer = io.BytesIO()
    torch.save(Evil(), buffer)
    return buffer.getvalue()


def text(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    return change


def test_a_plain_model_is_read(archive: Path, tmp_path: Path) -> None:
    again = changed(archive, tmp_path / "same.pt2", {})
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(3, 4)
    assert torch.equal(load(foreign("pt2", again)).run([x]), net(x))


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            y = torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x * 2, (x,))
        return y[:, :3] * x.shape[0] ** 0.5


def test_control_flow_and_sizes_are_read(tmp_path: Path) -> None:
    runner, x = load(foreign("pt2", write_archive(tmp_path / "m.pt2", Branching(), torch.randn(5, 4)))), torch.randn(3, 4)
    assert torch.allclose(runner.run([x]), Branching()(x))


@pytest.mark.parametrize(
    ("entry", "change", "words"),
    [
        ("data/sample_inputs/model.pt", pickled, "example inputs"),
        ("models/model.json", text("torch.ops.aten.linear.default", "torch.os.system"), "`torch.os.system`"),
        ("models/model.json", text("torch.ops.aten.linear.default", "torch.ops.__class__.__init__"), "`torch.ops.__class__"),
        ("models/model.json", text("torch.ops.aten.linear.default", "torch.ops.aten.from_file.default"), "from_file"),
        ("models/model.json", text("torch.ops.aten.linear.default", "torch.ops.load_library"), "load_library"),
        ("models/model.json", text("torch.ops.aten.linear.default", "torch.ops.higher_order.call_torchbind"), "call_torchbind"),
        ("models/model.json", text('namedtuple_fields": {}', 'namedtuple_fields": {"a": ["b"]}'), "named tuples"),
        ("models/model.json", text("Symbol('s", "exec('s"), "arithmetic"),
        ("models/model.json", text('"name": "x"', '"name": "x: print(1)"'), "a name"),
        ("models/model.json", text("builtins.tuple", "collections.defaultdict"), "collections.defaultdict"),
        ("data/weights/model_weights_config.json", text('"use_pickle": false', '"use_pickle": true'), "pickled"),
        ("data/constants/model_constants_config.json", text('"use_pickle": false', '"use_pickle": true'), "pickled"),
    ],
)
def test_what_could_run_code_is_refused(archive: Path, tmp_path: Path, entry: str, change: Any, words: str) -> None:
    bad = changed(archive, tmp_path / "bad.pt2", {entry: change})
    with pytest.raises(Unloadable) as error:
        load(foreign("pt2", bad))
    assert error.value.diagnostic.code == "CC1463" and words in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["data/constants/custom_obj_0", "data/weights/model.pt", "data/aotinductor/m/m.so", "/version", "models/b.json"],
)
def test_entries_that_hold_code_or_pickles_are_refused(archive: Path, tmp_path: Path, name: str) -> None:
    bad = changed(archive, tmp_path / "bad.pt2", {}, {name: pickle.dumps(Evil())})
    with pytest.raises(Unloadable) as error:
        load(foreign("pt2", bad))
    assert error.value.diagnostic.code == "CC1463"


def test_an_unknown_operator_is_no_archive_of_this_torch(archive: Path, tmp_path: Path) -> None:
    bad = changed(archive, tmp_path / "bad.pt2", {"models/model.json": text("aten.linear.default", "aten.no_such.default")})
    with pytest.raises(Unloadable, match="CC1460"):
        load(foreign("pt2", bad))


@pytest.mark.parametrize(
    "text",
    ["Symbol('s77', positive=True, integer=True)", "Mul(Integer(2), Symbol('s1'))", "2*s0 + 1", "s0 >= 2", "Float('0.5')"],
)
def test_sizes_that_are_arithmetic(text: str) -> None:
    assert is_arithmetic(text)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "exec('x')", "(1).__class__", "Symbol('a b')", "[x for x in y]", "lambda: 1", "s[0]", "(" * 5000]
)
def test_sizes_that_are_not(text: str) -> None:
    assert not is_arithmetic(text)


class Writes(nn.Module):
    """Into its input, or into a buffer."""

    def __init__(self, buffer: bool) -> None:
        super().__init__()
        self.buffer = buffer
        self.register_buffer("calls", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.calls if self.buffer else x).add_(1)[..., :3] + x[..., :3]


def test_what_a_call_writes_changes_nothing_here(tmp_path: Path) -> None:
    runner, x = load(foreign("pt2", write_archive(tmp_path / "m.pt2", Writes(False), torch.zeros(3, 4)))), torch.zeros(2, 4)
    for _ in range(2):
        assert torch.equal(runner.run([x]), torch.full((2, 3), 2.0)) and not x.any()
    with pytest.raises(Unloadable, match="CC1461.*writes into its `calls`"):
        load(foreign("pt2", write_archive(tmp_path / "n.pt2", Writes(True), torch.zeros(3, 4))))
