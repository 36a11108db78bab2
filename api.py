"""The public functions behind `import chunkc`: each stands for one use of the rooms, and knows no command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from .compiler.diagnostics import CompileError, Diagnostic, Findings
from .compiler.ir import Graph
from .compiler.source import Source
from .grammar import elaborate
from .grammar.elaborate.files import STANDARD
from .grammar.format import format_source
from .grammar.parse import parse
from .grammar.print_core import print_graph
from .passes import pipeline
from .passes.manager import Stage, Step
from .store.opening import Outside, need_bodies, warn_of_missing

if TYPE_CHECKING:
    from .backends.reference import Result
    from .backends.torch import CompiledModule
    from .compiler.profile import Profile
    from .simulator.report import Report
    from .simulator.simulate import Launch
    from .simulator.target import Target
    from .store.manifest import Manifest

Path = str | PathLike[str]
Bindings = Mapping[str, str]
Passes = str | Sequence[pipeline.Item]


def load(
    path: Path,
    *,
    training: bool = False,
    bind: Bindings | None = None,
    findings: Findings | None = None,
    store: Path | None = None,
    weights: str = "",
    lock: Path | None = None,
    offline: bool = False,
    allow_python: bool = False,
    **params: object,
) -> Graph:
    """The graph of the model in a `.cc` file, with compile-time parameters given by name (`d=256`).

    `bind` puts a written chunk in an extern's place (`{"edges": "edges.cc"}`). Warnings are added to `findings`. `store` (a
    folder; else `$CHUNKC_STORE`, else `chunkc-store` beside the spec), `weights` (the handle of the whole model's), `lock`,
    `offline` and `allow_python`: see `store.opening.Outside`.
    Raises `CompileError` with everything that was found wrong, `OSError` if the file cannot be read.
    """
    outside = Outside(store, weights, lock, offline, allow_python)
    return load_model(path, params, training=training, bind=bind, findings=findings, outside=outside)


def load_model(
    path: Path,
    params: Mapping[str, object],
    *,
    training: bool = False,
    bind: Bindings | None = None,
    findings: Findings | None = None,
    outside: Outside | None = None,
) -> Graph:
    """`load` with the parameters in a mapping, so that they may have any name."""
    found, around = Findings() if findings is None else findings, outside or Outside()
    asked: Any = {"params": dict(params), "training": training, "bind": dict(bind or {}), "weights": around.weights}
    resolver = around.resolver(path)
    graph = elaborate.load(str(path), resolver=resolver, lenient=resolver.store is None, findings=found, **asked)
    found.check()
    return graph


def check(
    path: Path,
    *,
    bind: Bindings | None = None,
    store: Path | None = None,
    weights: str = "",
    lock: Path | None = None,
    offline: bool = False,
    allow_python: bool = False,
    **params: object,
) -> list[Diagnostic]:
    """Everything there is to say about a file, for eval and for training: errors and warnings, each once."""
    return check_model(path, params, bind=bind, outside=Outside(store, weights, lock, offline, allow_python))


def check_model(
    path: Path, params: Mapping[str, object], *, bind: Bindings | None = None, outside: Outside | None = None
) -> list[Diagnostic]:
    """`check` with the parameters in a mapping. The standard library, whose inputs have no types, is only parsed."""
    if FilePath(path).resolve() == STANDARD:
        return _parse_only(path)
    told: list[Diagnostic] = []
    for training in (False, True):
        findings = Findings()
        try:
            load_model(path, params, training=training, bind=bind, findings=findings, outside=outside)
            told += findings.items
        except CompileError as error:
            told += error.diagnostics
    return distinct(told)


def distinct(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once: loading a file for eval and for training finds most things twice."""
    found: dict[tuple[object, ...], Diagnostic] = {}
    for item in diagnostics:
        found.setdefault((item.code, item.message, item.span.source.path, item.span.start, item.span.end), item)
    return list(found.values())


def _parse_only(path: Path) -> list[Diagnostic]:
    findings = Findings()
    parse(Source(str(path), FilePath(path).read_text(encoding="utf-8")), findings)
    return findings.items


def optimize(
    graph: Graph,
    passes: Passes | None = None,
    *,
    on_pass: Callable[[Step], None] | None = None,
    verify_each: bool = False,
) -> Graph:
    """The graph after these passes in this order (None: those of -O2): names, with options if any, levels, or passes themselves;
    or a text of these, `"O1, hoist(least=3)"`.

    `on_pass` sees each step; the last graph is verified, or each one. Raises `CompileError` for what is unknown or out of order.
    """
    return pipeline.run(graph, _items(passes), on_pass=on_pass, verify_each=verify_each)


def print(graph: Graph) -> str:
    """The graph as `.cc` text in its `core` form, which loads back to an equal graph."""
    return print_graph(graph)


def format(text: str, path: str = "<text>") -> str:
    """The text in the one layout of `chunkc fmt`; raises `CompileError` if it does not parse."""
    return format_source(text, path)


def compile(
    source: Path | Graph,
    *,
    seed: int = 0,
    bind: Bindings | None = None,
    passes: Passes | None = None,
    target: str | None = None,
    dims: Mapping[str, int] | None = None,
    store: Path | None = None,
    weights: str = "",
    lock: Path | None = None,
    offline: bool = False,
    allow_python: bool = False,
    **params: object,
) -> CompiledModule:
    """A `torch.nn.Module` that computes only what is kept, its weights drawn from `seed` and their paths.

    What passes choose by costs they choose for calls of the sizes `dims` on a `target`, by its name or file (`chunkc targets`);
    without sizes they choose nothing. `module.losses()` gives the named losses of the last call in training, `module.stats()`
    what each selection kept. What is stored elsewhere (see `load`) is loaded when a call needs it, and again when an alias moves.
    """
    chosen = for_target(passes, target, dims) if target or dims else passes
    outside = Outside(store, weights, lock, offline, allow_python)
    pair = graphs(source, params, bind=bind, passes=chosen, findings=(findings := Findings()), outside=outside)
    warn_of_missing(findings.items)
    return compile_graphs(*pair, seed=seed, outside=outside, path="graph" if isinstance(source, Graph) else source)


def for_target(
    passes: Passes | None, target: str | None = None, dims: Mapping[str, int] | None = None, *, dtype: str = "f32"
) -> list[Stage]:
    """Passes (None: those of -O2) that choose by costs for calls of these sizes, and on this target where one is named, for
    modules moved to `dtype`."""
    stages = pipeline.resolve(_items(passes))
    if dims:
        stages = pipeline.told(stages, dims=",".join(f"{name}={size}" for name, size in dims.items()))
    if target is not None:
        from .simulator.model import model_of

        stages = pipeline.told(stages, model=model_of(target, dtype))
    return stages


def _items(passes: Passes | None) -> Sequence[pipeline.Item]:
    return pipeline.DEFAULT if passes is None else [passes] if isinstance(passes, str) else passes


def compile_graphs(
    eval_graph: Graph, train_graph: Graph, *, seed: int = 0, outside: Outside | None = None, path: Path = "graph"
) -> CompiledModule:
    """The module of a model's two graphs. `path`: of the spec that they come from, beside which its files lie."""
    around = outside or Outside()
    need_bodies(eval_graph, around.resolver(path))
    from .backends.torch import compile as lower

    return lower(eval_graph, train_graph, seed=seed, versions=around.versions(eval_graph, path))


def standalone(source: Path | Graph, *, bind: Bindings | None = None, passes: Passes | None = None, **params: object) -> str:
    """The text of a Python module that needs torch alone: the same `state_dict`, the same outputs."""
    return standalone_graphs(*graphs(source, params, bind=bind, passes=passes))


def standalone_graphs(eval_graph: Graph, train_graph: Graph) -> str:
    """The standalone module of a model's two graphs."""
    need_bodies(eval_graph)
    from .backends.torch import standalone as write

    return write(eval_graph, train_graph)


def reference(graph: Graph, inputs: Mapping[str, Any], params: Mapping[str, Any], **options: Any) -> Result:
    """The plain dense meaning in NumPy float64; options as for `chunkc.backends.reference.run`."""
    need_bodies(graph)
    from .backends.reference import run

    return run(graph, dict(inputs), dict(params), **options)


def profile(
    module: CompiledModule,
    batches: Iterable[Any],
    *,
    outputs: str | Sequence[str] | None = None,
    trace: Path | None = None,
) -> Profile:
    """What the module's selections keep on these inputs (a tensor, a tuple or a dictionary a call); `.write(path)` makes a file.

    The calls are in eval and without gradients; `docs/profiles.md` tells what is recorded, and `specialize` what for. `trace` is
    a file to be written besides: what each call kept, for `simulate(routes=…)`. Its calls are of one size.
    """
    from .backends.torch.recording import record

    if trace is None:
        return record(module, batches, outputs=outputs)
    from .simulator.workloads import Trace

    kept = Trace.of(module.graph)
    found = record(module, batches, outputs=outputs, watch=kept.add)
    kept.write(trace)
    return found


def import_checkpoint(
    source: Any, named: str, *, store: Path | None = None, split: str = "", rename: Mapping[str, str] | None = None
) -> Manifest:
    """Stores weights as the version `named` (`name@version`), a chunk for each part that `split` tells apart: `layers.{layer}`,
    several patterns with commas, or `auto` (`store/splitting.py`). `rename`: what else tensors are called (`store/renaming.py`).

    `source`: a `torch.nn.Module` or state dict; a .safetensors file, an index with its shards, or a folder of either;
    `hf:org/repo` or a URL. Nothing is loaded whole. `store`: its folder, else the usual one. Raises `CompileError`.
    """
    from .store import default, importing
    from .store.writing import Tensor

    found = default.needed_store(None if store is None else FilePath(store))
    if isinstance(source, str | PathLike):
        return importing.import_checkpoint(found, str(source), named, split, rename=rename)
    from .backends.torch.blocks import named_tensors

    return importing.import_tensors(found, (Tensor(*one) for one in named_tensors(source)), named, split, rename=rename)


def simulate(
    source: Path | Graph | CompiledModule,
    target: Path | Target,
    *,
    dims: Mapping[str, int] | None = None,
    dtype: str = "f32",
    routes: Any = None,
    decisions: Any = None,
    hits: Mapping[str, float] | None = None,
    inputs: int = 1,
    seed: int = 0,
    launch: Launch = "eager",
    outputs: str | None = None,
    compare: str | None = None,
    chunks: str | None = None,
    bind: Bindings | None = None,
    passes: Passes | None = None,
    store: Path | None = None,
    weights: str = "",
    lock: Path | None = None,
    offline: bool = False,
    allow_python: bool = False,
    **params: object,
) -> Report:
    """What a call takes on a target, without running it: a `simulator.report.Report`.

    A spec is optimised by `passes` as `compile` does it; a graph and a module are taken as they are. `target` is the name of one
    that is shipped, or its file. `dims`, `dtype`, `routes`, `decisions`, `hits`, `inputs` and `seed` say what is run, as
    `simulator.workloads.Workload.of` has them. `launch="graph"`: the device replays its calls, and the host launches none.
    `outputs`: which one is asked for (the first by default, `"*"` for all). `compare="dense"` adds the same with everything kept.
    `chunks`: the memory level that chunks are loaded from, under a budget: `host` where the target has one, else `storage`.

    Raises `CompileError` with everything that was found wrong.
    """
    from .simulator import simulation

    graph = source if isinstance(source, Graph) else getattr(source, "graph", None)
    if graph is None:
        outside = Outside(store, weights, lock, offline, allow_python)
        graph = optimize(load_model(source, params, bind=bind, outside=outside), passes)  # type: ignore[arg-type]
    need_bodies(graph)
    told = {"dtype": dtype, "routes": routes, "decisions": decisions, "hits": hits, "inputs": inputs, "seed": seed}
    return simulation.run(graph, target, dims, told, launch=launch, outputs=outputs, compare=compare, chunks=chunks)


def graphs(
    source: Path | Graph,
    params: Mapping[str, object],
    *,
    bind: Bindings | None = None,
    passes: Passes | None = None,
    findings: Findings | None = None,
    outside: Outside | None = None,
) -> tuple[Graph, Graph]:
    """The optimised graphs for eval and for training; a graph that is given serves for both."""
    if isinstance(source, Graph):
        graph = optimize(source, passes)
        return graph, graph
    found = loaded(source, params, bind=bind, findings=findings, outside=outside)
    return optimize(found[0], passes), optimize(found[1], passes)


def loaded(
    path: Path,
    params: Mapping[str, object],
    *,
    bind: Bindings | None = None,
    findings: Findings | None = None,
    outside: Outside | None = None,
) -> tuple[Graph, Graph]:
    """The graphs of a file for eval and for training, as they are."""
    found, around = Findings() if findings is None else findings, outside or Outside()
    return (
        load_model(path, params, training=False, bind=bind, findings=found, outside=around),
        load_model(path, params, training=True, bind=bind, findings=found, outside=around),
    )
