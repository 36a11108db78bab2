"""`specs/composition.cc` with a store: a text with weights, another text, an ONNX file; the same as the three written."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

import chunkc
from chunkc.cli import group

SPECS = Path(__file__).resolve().parents[2] / "specs"
PARTS = {name: str(SPECS / "parts" / f"{name}.cc") for name in ("edges", "texture", "shapes")}


def write_shapes(path: Path, state: dict[str, torch.Tensor]) -> None:
    """`specs/parts/shapes.cc` with these weights, as an ONNX file."""
    steps = [
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["small", "cw", "cb"], ["found"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["found"], ["active"]),
        helper.make_node("MaxPool", ["active"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "lw", "lb"], ["y"], transB=1),
    ]
    names = {"cw": "y.conv2d_1.weight", "cb": "y.conv2d_1.bias", "lw": "y.linear_1.weight", "lb": "y.linear_1.bias"}
    weights = [numpy_helper.from_array(state[f"shapes.{key}"].numpy(), name) for name, key in names.items()]
    takes = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, 32, 32])
    gives = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 64])
    graph = helper.make_graph(steps, "shapes", [takes], [gives], weights)
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


@pytest.fixture(scope="module")
def written() -> Any:
    return chunkc.compile(SPECS / "composition.cc", bind=PARTS).eval()


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory, written: Any) -> Path:
    """The spec, its store and its ONNX file in one folder."""
    folder = tmp_path_factory.mktemp("composition")
    text = (SPECS / "composition.cc").read_text()
    (folder / "composition.cc").write_text(text)
    state = {name: value.detach() for name, value in written.state_dict().items()}
    store = ["--store", str(folder / "chunkc-store")]
    for name, version in (("edges", "v1"), ("texture", "v2")):
        mine = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
        save_file(mine, folder / "weights.safetensors")
        weights = ["--weights", str(folder / "weights.safetensors"), "--as", f"models/{name}@{version}"]
        CliRunner().invoke(group, ["store", "add", PARTS[name], *weights, *store], catch_exceptions=False)
    CliRunner().invoke(group, ["store", "alias", "models/edges@stable", "v1", *store], catch_exceptions=False)
    write_shapes(folder / "models" / "shapes.onnx", state)
    return folder / "composition.cc"


def images(count: int, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(count, 3, 32, 32) * torch.linspace(0.1, 3, count)[:, None, None, None]


def stored(spec: Path, written: Any) -> Any:
    """The model of the store, with the router of the written one."""
    made = chunkc.compile(spec).eval()
    state = written.state_dict()
    made.load_state_dict({name: state[name] for name in made.state_dict() if name.startswith("attend.")}, strict=False)
    return made


def test_equals_the_same_networks_written(spec: Path, written: Any) -> None:
    made, kept = stored(spec, written), 0
    assert not any(name.startswith("shapes.") for name in made.state_dict())
    for seed in range(4):
        x = images(6, seed)
        with torch.no_grad():
            assert torch.allclose(made(x), written(x), atol=1e-5)
            assert torch.equal(made(x, outputs="activation"), written(x, outputs="activation"))
            made(x)
        kept += int(made.stats()["attend"].load[2])
    assert kept > 0 and made.residency().peak <= 256 << 20


def test_run_from_the_command_line(spec: Path) -> None:
    ran = CliRunner().invoke(group, ["run", str(spec), "--dims", "B=4", "--json"])
    assert ran.exit_code == 0, ran.stderr
    assert json.loads(ran.stdout)["outputs"]["y"]["shape"] == [4, 64]
