"""Runners: what ONNX files, archives and Python classes give, and what is refused of them, with both sides named."""

import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from foreign_files import foreign, linear_model, write_archive, write_linear
from onnx import TensorProto, helper
from torch import nn

from chunkc.backends.torch.foreign.runners import load
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.onnx_files import external_files
from chunkc.compiler.loading.places import Unloadable

LINEAR = nn.Linear(4, 3)


def onnx_file(folder: Path, **how: object) -> Path:
    return write_linear(folder / "m.onnx", LINEAR.weight.detach(), LINEAR.bias.detach(), **how)


def refused(chunk: object, code: str, *words: str) -> None:
    with pytest.raises(Unloadable) as error:
        load(chunk)
    assert error.value.path == "shapes" and error.value.diagnostic.code == code
    told = str(error.value)
    assert all(word in told for word in words), told


@pytest.mark.parametrize("rows", [1, 5])
def test_an_onnx_file_gives_what_torch_gives(tmp_path: Path, rows: int) -> None:
    runner = load(foreign("onnx", onnx_file(tmp_path)))
    x = torch.randn(rows, 4)
    assert torch.allclose(runner.run([x]), LINEAR(x), atol=1e-6)
    assert runner.bytes == (tmp_path / "m.onnx").stat().st_size
    runner.close()


def test_an_archive_gives_the_same_bits(tmp_path: Path) -> None:
    runner = load(foreign("pt2", write_archive(tmp_path / "stored", LINEAR, torch.randn(3, 4))))
    for rows in (1, 2, 7):
        x = torch.randn(rows, 4, requires_grad=True)
        value = runner.run([x])
        assert torch.equal(value, LINEAR(x))
        value.sum().backward()
        assert torch.allclose(x.grad, LINEAR.weight.sum(0).expand_as(x))


def test_inputs_go_by_name_where_the_names_are_those_of_the_spec(tmp_path: Path) -> None:
    model = linear_model(LINEAR.weight.detach(), LINEAR.bias.detach(), names=("whatever", "y"))
    onnx.save(model, tmp_path / "m.onnx")
    x = torch.randn(2, 4)
    assert torch.allclose(load(foreign("onnx", tmp_path / "m.onnx")).run([x]), LINEAR(x), atol=1e-6)


@pytest.mark.parametrize(("names", "swapped"), [(("a", "b"), False), (("b", "a"), True), (("u", "v"), False)])
def test_two_inputs_by_name_or_in_order(tmp_path: Path, names: tuple[str, str], swapped: bool) -> None:
    kinds = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 4]) for name in names]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 4])
    graph = helper.make_graph([helper.make_node("Sub", list(names), ["y"])], "sub", kinds, [out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    chunk = foreign("onnx", tmp_path / "m.onnx", out=4)
    (_, kind), a, b = chunk.inputs[0], torch.randn(2, 4), torch.randn(2, 4)
    runner = load(replace(chunk, inputs=(("a", kind), ("b", kind))))
    assert torch.equal(runner.run([a, b]), b - a if swapped else a - b)
    refused(replace(chunk, inputs=(("a", kind),)), "CC1461", f"it takes {names[0]}, {names[1]}; declared is a")


# ---- signatures


def test_a_file_that_says_no_shapes_is_held_to_what_comes_out(tmp_path: Path) -> None:
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "bare", sides[:1], sides[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    x = torch.randn(2, 4)
    assert torch.equal(load(foreign("onnx", tmp_path / "m.onnx", out=4)).run([x]), x.relu())
    with pytest.raises(Unloadable, match=r"CC1461.*f32\[2, 4\]; declared is f32\[B, 3\]"):
        load(foreign("onnx", tmp_path / "m.onnx")).run([x])


def test_another_width_is_told_with_both_sides(tmp_path: Path) -> None:
    path = onnx_file(tmp_path)
    refused(foreign("onnx", path, width=5), "CC1461", "`x` is f32[B, 4]", "`x: f32[B, 5]`")
    refused(foreign("onnx", path, out=9, width=5), "CC1461", "f32[B, 4]", "output `y` is f32[B, 3]", "declared is f32[B, 9]")
    archive = write_archive(tmp_path / "m.pt2", LINEAR, torch.randn(3, 4))
    refused(foreign("pt2", archive, out=9), "CC1461", ", 3]", "declared is f32[B, 9]")


def test_a_fixed_batch_is_told_with_its_remedy(tmp_path: Path) -> None:
    refused(foreign("onnx", onnx_file(tmp_path, rows=1)), "CC1461", "f32[1, 4]", "f32[B, 4]", "that axis dynamic")
    archive = write_archive(tmp_path / "m.pt2", LINEAR, torch.randn(3, 4), dynamic=False)
    refused(foreign("pt2", archive), "CC1461", "f32[3, 4]", "f32[B, 4]", "that axis dynamic")


def test_another_dtype_is_told(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "m.pt2", nn.Linear(4, 3).double(), torch.randn(3, 4).double())
    refused(foreign("pt2", archive), "CC1461", "f64[", "f32[B, 4]")


def test_files_run_in_their_own_precision(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "m.pt2", LINEAR, torch.randn(3, 4))
    for chunk in (foreign("onnx", onnx_file(tmp_path)), foreign("pt2", archive)):
        with pytest.raises(CompileError, match="`shapes` come as torch.bfloat16.* takes f32"):
            load(chunk).run([torch.randn(2, 4).bfloat16()])


# ---- files


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
@pytest.mark.parametrize("damage", ["empty", "cut", "noise"])
def test_a_broken_file_is_told(tmp_path: Path, kind: str, damage: str) -> None:
    whole = onnx_file(tmp_path) if kind == "onnx" else write_archive(tmp_path / "w.pt2", LINEAR, torch.randn(3, 4))
    data = whole.read_bytes()
    path = tmp_path / f"broken.{kind}"
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "noise": bytes(range(256)) * 9}[damage])
    refused(foreign(kind, path), "CC1460")


def test_tensors_beside_an_onnx_file_are_read_and_others_are_not(tmp_path: Path) -> None:
    model = linear_model(LINEAR.weight.detach(), LINEAR.bias.detach())
    home = tmp_path / "home"
    home.mkdir()
    path = home / "m.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
    assert external_files(str(path)) == ["m.data"]
    runner, x = load(foreign("onnx", path)), torch.randn(2, 4)
    assert torch.allclose(runner.run([x]), LINEAR(x), atol=1e-6)
    assert runner.bytes == path.stat().st_size + (home / "m.data").stat().st_size
    (home / "m.data").rename(tmp_path / "m.data")
    refused(foreign("onnx", path), "CC1462", "`m.data`", "not there")
    (home / "m.data").symlink_to(tmp_path / "m.data")
    refused(foreign("onnx", path), "CC1462", "outside of its folder")
    for place in ("../m.data", str(tmp_path / "m.data")):
        told = onnx.load(path, load_external_data=False)
        for tensor in told.graph.initializer:
            tensor.external_data[0].value = place
        onnx.save(told, home / "out.onnx")
        refused(foreign("onnx", home / "out.onnx"), "CC1462", place, "outside of its folder")


# ---- Python classes

MODULE = """
import torch
from torch import nn

class Doubled(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3, 4))
        self.drop = nn.Dropout()

    def forward(self, x):
        return self.drop(x @ self.w.T) * 2

class Kept:
    value = torch.zeros(2, 3)
    def __call__(self, x):
        return self.value

class Wrong:
    def __call__(self, x):
        return x

class Failing:
    def __call__(self, x):
        raise ZeroDivisionError("no luck")

class Unmade:
    def __init__(self, size):
        pass

def twice(x):
    return torch.cat([x, x], -1)[:, :3] * 2

number = 3
"""


@pytest.fixture
def module(tmp_path: Path) -> str:
    name = f"ways_{tmp_path.name}".replace("-", "_").replace("[", "_").replace("]", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    yield f"{tmp_path}/{name}"
    sys.modules.pop(name, None)


def test_a_class_is_made_in_eval_and_run(module: str) -> None:
    runner, x = load(foreign("py", f"{module}:Doubled")), torch.ones(2, 4, requires_grad=True)
    value = runner.run([x])
    assert torch.equal(value, torch.full((2, 3), 8.0)) and runner.bytes == 3 * 4 * 4
    value.sum().backward()
    assert torch.equal(x.grad, torch.full((2, 4), 6.0))
    assert torch.equal(load(foreign("py", f"{module}:twice")).run([x]), torch.full((2, 3), 2.0))


def test_a_value_that_a_class_keeps_is_not_handed_out(module: str) -> None:
    runner = load(foreign("py", f"{module}:Kept"))
    runner.run([torch.ones(2, 4)]).add_(1)
    assert torch.equal(runner.run([torch.ones(2, 4)]), torch.zeros(2, 3))


def test_what_is_wrong_with_a_class_is_told(module: str) -> None:
    refused(foreign("py", f"{module}:Missing"), "CC1466", "no `Missing`")
    refused(foreign("py", f"{module}:Unmade"), "CC1466", "size", "without arguments")
    refused(foreign("py", f"{module}:number"), "CC1466", "int", "cannot be called")
    refused(foreign("py", f"{module}_not:Any"), "CC1466", "No module named", "installed packages")
    shapes = "f32[2, 4]; declared is f32[B, 3] with B = 2"
    for name, code, words in (("Wrong", "CC1461", shapes), ("Failing", "CC1465", "no luck")):
        runner = load(foreign("py", f"{module}:{name}"))
        with pytest.raises(Unloadable) as error:
            runner.run([torch.ones(2, 4)])
        assert error.value.diagnostic.code == code and words in str(error.value)


def test_a_class_of_the_installed_packages_is_found(tmp_path: Path) -> None:
    runner = load(foreign("py", f"{tmp_path}/torch.nn:Identity", out=4))
    assert torch.equal(runner.run([torch.ones(2, 4)]), torch.ones(2, 4))
