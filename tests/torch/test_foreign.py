"""Chunks that something else runs, in a model: the same values as written ones, loaded when they are kept, within the budget."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from click.testing import CliRunner
from foreign_files import write_archive, write_linear
from torch import nn

import chunkc
from chunkc.backends.torch import CompiledModule, compile, standalone
from chunkc.cli import group
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.places import Unloadable
from chunkc.compiler.loading.signatures import stored_handles
from chunkc.grammar.elaborate import load
from chunkc.passes import pipeline
from chunkc.store.adding import add
from chunkc.store.resolver import Resolver
from chunkc.store.serving import Serving
from chunkc.store.store import Store

SPEC = """
model m {{
  input x: f32[B, 4]
  chunk first(h: f32[B, 4]) -> f32[B, 3] = extern("{first}") {requires}
  chunk second(h: f32[B, 4]) -> f32[B, 3] = extern("{second}")
  chunk third(h) {{ h |> linear(3) }}
  router gate {{ score = x[.., 0..3]  keep = above(0.3) }}
  {memory}
  fuse y = weighted_sum([first(x), second(x), third(x)], by=gate)
  output y
  output z = third(x)
}}
"""
MODULE = "import torch\n\nclass Linear(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(4, 3)\n"


@pytest.fixture
def linears(tmp_path: Path) -> Iterator[dict[str, nn.Linear]]:
    """Beside the spec an ONNX file, an archive, and the layers that they hold."""
    torch.manual_seed(0)
    made = {"onnx": nn.Linear(4, 3), "pt2": nn.Linear(4, 3)}
    write_linear(tmp_path / "a.onnx", made["onnx"].weight.detach(), made["onnx"].bias.detach())
    write_archive(tmp_path / "b.pt2", made["pt2"], torch.randn(2, 4))
    yield made




def silent() -> nn.Linear:
    """Gives zeros."""
    layer = nn.Linear(4, 3).requires_grad_(False)
    layer.weight.zero_()
    layer.bias.zero_()
    return layer


MEMORY = "memory { budget = 100KiB }"
USUAL = {"first": "onnx:a.onnx", "second": "pt2:b.pt2", "requires": "", "memory": ""}


def model(folder: Path, **parts: str) -> CompiledModule:
    return built(folder, SPEC.format(**USUAL | parts))


def built(folder: Path, text: str) -> CompiledModule:
    (folder / "m.cc").write_text(text)
    store = Store(folder / "chunkc-store")
    resolver = Resolver(store if store.root.exists() else None, folder, allow_python=True)
    graphs = [load(folder / "m.cc", training=training, resolver=resolver) for training in (False, True)]
    versions = Serving(resolver, stored_handles(graphs[0]))
    return compile(*(pipeline.run(graph, pipeline.DEFAULT) for graph in graphs), versions=versions).eval()


def written(made: CompiledModule, linears: dict[str, nn.Linear], x: torch.Tensor) -> torch.Tensor:
    """The same by hand, densely."""
    third = nn.Linear(4, 3)
    third.load_state_dict({name: made.state_dict()[f"third.linear_1.{name}"] for name in ("weight", "bias")})
    weight = torch.softmax(x[..., :3], -1)
    kept = torch.where(weight > 0.3, weight, 0.0)
    streams = [linears["onnx"](x), linears["pt2"](x), third(x)]
    return sum(kept[:, i, None] * stream for i, stream in enumerate(streams))


@pytest.mark.parametrize("memory", ["", "memory { budget = 9KiB }", "memory { budget = 100KiB  prefetch = speculative(1) }"])
def test_equals_the_same_written(tmp_path: Path, linears: dict[str, nn.Linear], memory: str) -> None:
    made = model(tmp_path, memory=memory)
    with torch.no_grad():
        for seed in range(5):
            torch.manual_seed(seed)
            x = torch.randn(9, 4)
            assert torch.allclose(made(x), written(made, linears, x), atol=1e-5)
            log = made.log_steps(x)
            assert torch.equal(log.value, made(x))
            assert [entry.kind for entry in log.entries if entry.path == "second."] == ["compute"]
    assert not any("first" in name or "second" in name for name in made.state_dict())


def test_what_is_not_kept_is_not_loaded(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    made = model(tmp_path, requires='requires "no-such-package"')
    alone = torch.tensor([[0.0, 9.0, 9.0, 0.0]])
    with torch.no_grad():
        value = made(alone)
        assert torch.allclose(value, written(made, linears, alone), atol=1e-5)
        with pytest.raises(Unloadable, match="CC1464.*`first`.*no-such-package"):
            made(-alone)
        assert torch.equal(made(alone), value)


def test_a_budget_holds_and_evicts(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    size = (tmp_path / "b.pt2").stat().st_size
    made = model(tmp_path, memory=f"memory {{ budget = {size + 100}B }}")
    both = torch.tensor([[9.0, 9.0, 0.0, 1.0]])
    with torch.no_grad():
        for _ in range(3):
            assert torch.allclose(made(both), written(made, linears, both), atol=1e-5)
    traffic = made.residency()
    assert traffic.loads == 6 and traffic.peak <= size + 100
    assert {runner.bytes for runner in made._memory.runners._loaded.values()} <= {size, (tmp_path / "a.onnx").stat().st_size}
    assert len(made._memory.runners._loaded) == 1


def test_several_threads(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    size = (tmp_path / "b.pt2").stat().st_size
    made = model(tmp_path, memory=f"memory {{ budget = {size + 100}B }}")
    given = [torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)) * 3 for seed in range(24)]

    def ran(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return made(x)

    alone = list(map(ran, given))
    with ThreadPoolExecutor(6) as pool:
        assert all(map(torch.equal, pool.map(ran, given), alone))
    assert made.residency().peak <= size + 100


def test_a_chunk_called_by_two_names_is_loaded_once(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    made = model(tmp_path, second="onnx:a.onnx")
    linears["pt2"] = linears["onnx"]
    x = torch.randn(5, 4).abs() + 1
    with torch.no_grad():
        assert torch.allclose(made(x), written(made, linears, x), atol=1e-5)
    assert len(made._memory.runners._loaded) == 1


def test_a_class_in_a_model(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    (tmp_path / "own_linear.py").write_text(MODULE)
    made = model(tmp_path, first="py:own_linear:Linear")
    with torch.no_grad():
        assert made(torch.randn(3, 4)).shape == (3, 3)


def test_a_command_tells_what_cannot_be_loaded(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    text = SPEC.format(**USUAL | {"requires": 'requires "numpy>=99", "no-such-package"'}).replace("above(0.3)", "all")
    (tmp_path / "m.cc").write_text(text)
    ran = CliRunner().invoke(group, ["run", str(tmp_path / "m.cc"), "--dims", "B=2"])
    assert ran.exit_code == 1 and not ran.stdout
    assert "error[CC1464]" in ran.stderr and "`first` cannot be loaded" in ran.stderr
    assert 'pip install "numpy>=99" "no-such-package"' in ran.stderr


# ---- training


def test_gradients_go_through_what_torch_runs(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    made = model(tmp_path, first="pt2:b.pt2").train()
    linears["onnx"] = linears["pt2"]
    x = torch.randn(6, 4, requires_grad=True)
    made(x).sum().backward()
    got, x.grad = x.grad, None
    written(made, linears, x).sum().backward()
    assert torch.allclose(got, x.grad, atol=1e-5)
    made.eval()
    with torch.no_grad():
        made(x)


def test_a_gradient_through_onnx_is_refused(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    made = model(tmp_path).train()
    x = torch.randn(6, 4)
    made(x).sum().backward()  # its input depends on nothing that is trained
    with pytest.raises(CompileError) as error:
        made(x.requires_grad_())
    assert error.value.diagnostics[0].code == "CC1467"


# ---- faults


def broken(folder: Path, kind: str) -> None:
    file = {"onnx": folder / "a.onnx", "pt2": folder / "b.pt2"}[kind]
    file.write_bytes(file.read_bytes()[:-40])


def other_width(folder: Path, kind: str) -> None:
    weight, bias = torch.randn(5, 4), torch.randn(5)
    if kind == "onnx":
        write_linear(folder / "a.onnx", weight, bias)
    else:
        write_archive(folder / "b.pt2", nn.Linear(4, 5), torch.randn(2, 4))


@pytest.mark.parametrize(
    ("fault", "kind", "memory"),
    [(broken, "onnx", ""), (broken, "pt2", MEMORY), (other_width, "onnx", MEMORY), (other_width, "pt2", "")],
)
def test_a_fault_is_told_and_the_rest_serves(
    tmp_path: Path, linears: dict[str, nn.Linear], fault: Any, kind: str, memory: str
) -> None:
    fault(tmp_path, kind)
    try:
        made = model(tmp_path, memory=memory)
    except CompileError as error:
        assert fault is broken and kind == "onnx" and error.diagnostics[0].code == "CC1434"
        return
    hit = torch.zeros(1, 4)
    hit[0, ["onnx", "pt2"].index(kind)] = 9.0
    rest = 9.0 - hit
    with torch.no_grad():
        for _ in range(2):
            with pytest.raises(Unloadable, match="CC146[01]"):
                made(hit)
            assert torch.allclose(made(rest), written(made, linears, rest), atol=1e-5)


@pytest.mark.parametrize(("missing", "memory"), [("skip", MEMORY), ("zero", "")])
def test_what_cannot_be_run_is_done_without_where_the_spec_says_so(
    tmp_path: Path, linears: dict[str, nn.Linear], missing: str, memory: str
) -> None:
    whole = (tmp_path / "b.pt2").read_bytes()
    other_width(tmp_path, "pt2")
    text = SPEC.format(**USUAL | {"memory": memory}).replace('("pt2:b.pt2")', f'("pt2:b.pt2", on_missing={missing})')
    made, x = built(tmp_path, text), torch.randn(9, 4) * 3
    with torch.no_grad():
        with pytest.warns(RuntimeWarning, match="CC1454.*`second`.*CC1461"):
            value = made(x)
        assert torch.allclose(value, written(made, linears | {"pt2": silent()}, x), atol=1e-5)
        assert [one.code for one in made.missing()["second"]] == ["CC1461"]
        (tmp_path / "b.pt2").write_bytes(whole)
        assert torch.allclose(made(x), written(made, linears, x), atol=1e-5) and not made.missing()


def test_a_file_that_is_none_is_done_without_when_compiled(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    (tmp_path / "a.onnx").write_bytes(b"nothing of the kind")
    text = SPEC.format(**USUAL).replace('("onnx:a.onnx")', '("onnx:a.onnx", on_missing=skip)')
    (tmp_path / "m.cc").write_text(text)
    with pytest.warns(RuntimeWarning, match="CC1444: `first` is missing now"):
        made = chunkc.compile(tmp_path / "m.cc").eval()
    x = torch.randn(9, 4) * 3
    with torch.no_grad():
        assert torch.allclose(made(x), written(made, linears | {"onnx": silent()}, x), atol=1e-5)


def test_a_class_that_fails_is_done_without(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    (tmp_path / "own_failing.py").write_text("def fail(x):\n    raise ZeroDivisionError('no luck')\n")
    text = SPEC.format(**USUAL).replace('("onnx:a.onnx")', '("py:own_failing:fail", on_missing=skip)')
    made, x = built(tmp_path, text), torch.tensor([[9.0, 9.0, 0.0, 1.0]])
    with torch.no_grad(), pytest.warns(RuntimeWarning, match="CC1465.*no luck"):
        value = made(x)
        assert torch.allclose(value, written(made, linears | {"onnx": silent()}, x), atol=1e-5)


@pytest.mark.parametrize("memory", ["", MEMORY])
def test_files_that_change_behind_the_store(tmp_path: Path, linears: dict[str, nn.Linear], memory: str) -> None:
    store = Store(tmp_path / "chunkc-store")
    for version, source in (("v1", "a.onnx"), ("v2", "c.onnx")):
        write_linear(tmp_path / "c.onnx", linears["pt2"].weight.detach(), linears["pt2"].bias.detach())
        add(store, tmp_path / source, "shapes", version)
    store.alias("shapes", "now", "v1")
    made, hit = model(tmp_path, memory=memory, first="shapes@now"), torch.tensor([[9.0, 0.0, 0.0, 1.0]])
    (blob,) = made._memory.versions.now()["first"].blobs
    whole = Path(blob.path).read_bytes()
    with torch.no_grad():
        flipped = whole[:-1] + bytes([whole[-1] ^ 1])
        for content, code in ((whole[:-1], "CC1452"), (flipped, "CC1452"), (None, "CC1450"), (whole, "")):
            Path(blob.path).unlink(missing_ok=True)
            if content is not None:
                Path(blob.path).write_bytes(content)
            if code:
                with pytest.raises(Unloadable, match=f"{code}.*`first`"):
                    made(hit)
            else:
                assert torch.allclose(made(hit), written(made, linears, hit), atol=1e-5)
        store.alias("shapes", "now", "v2")
        linears["onnx"] = linears["pt2"]
        assert torch.allclose(made(hit), written(made, linears, hit), atol=1e-5)
    assert len(made._memory.runners._loaded) == 1


def test_a_version_larger_than_the_plan_is_told(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    store = Store(tmp_path / "chunkc-store")
    add(store, tmp_path / "a.onnx", "shapes", "v1")
    larger = onnx.load(tmp_path / "a.onnx")
    larger.doc_string = "x" * 5000
    onnx.save(larger, tmp_path / "c.onnx")
    add(store, tmp_path / "c.onnx", "shapes", "v2")
    store.alias("shapes", "now", "v1")
    made, hit = model(tmp_path, memory=MEMORY, first="shapes@now"), torch.tensor([[9.0, 0.0, 0.0, 1.0]])
    with torch.no_grad():
        made(hit)
        store.alias("shapes", "now", "v2")
        with pytest.raises(Unloadable, match="CC1469.*`first`"):
            made(hit)


def test_its_text_is_run_where_its_files_are(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    made, x = model(tmp_path), torch.randn(5, 4)
    (tmp_path / "core.cc").write_text(chunkc.print(made.graph))
    again = chunkc.compile(tmp_path / "core.cc").eval()
    again.load_state_dict(made.state_dict())
    with torch.no_grad():
        assert torch.equal(again(x), made(x))
    with pytest.raises(CompileError) as error:
        chunkc.compile(made.graph)
    assert [one.code for one in error.value.diagnostics] == ["CC0711", "CC0711"]


# ---- graphs of torch


def test_no_graph_of_torch_holds_it(tmp_path: Path, linears: dict[str, nn.Linear]) -> None:
    made, x = model(tmp_path), torch.randn(5, 4)
    for refused in (
        lambda: torch.export.export(made, (x,)),
        lambda: torch.compile(made, backend="eager")(x),
        lambda: standalone(made.graph, made.train_graph),
    ):
        with pytest.raises(CompileError) as error, torch.no_grad():
            refused()
        assert [one.code for one in error.value.diagnostics] == ["CC1468", "CC1468"]
    with pytest.raises((RuntimeError, CompileError), match="CC1468"), torch.no_grad():
        torch.compile(made, backend="eager", fullgraph=True)(x)
    with torch.no_grad():
        assert torch.allclose(made(x), written(made, linears, x), atol=1e-5)
    assert len(made.regions()) > 1 and len(made.plan().regions) == 2
