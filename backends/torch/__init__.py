"""The torch backend: a plan becomes readable modules that compute only what is kept.

`compile(eval_graph, train_graph)` gives an `nn.Module`, `standalone(eval_graph, train_graph)` its text, which needs torch alone.
Both raise `CompileError` where a chunk is stored elsewhere and no body is bound to it.
"""

from __future__ import annotations

from ...compiler.ir import Graph
from ...compiler.loading.places import Versions
from .emission import emit, partial_weights
from .foreign.chunks import check_there
from .module import CompiledModule, build
from .standalone import standalone

__all__ = ["CompiledModule", "compile", "standalone"]


def compile(
    eval_graph: Graph, train_graph: Graph | None = None, *, seed: int = 0, versions: Versions | None = None
) -> CompiledModule:
    """The module of a model's two graphs (the second for training), its parameters drawn from `seed` and their paths.

    Those below a chunk of `versions` lie in files, and are loaded when they are needed (`docs/memory.md`)."""
    train = eval_graph if train_graph is None else train_graph
    check_there(eval_graph, versions.now() if versions is not None else {})
    # What is there from the first call on is read whole.
    partial = partial_weights(eval_graph) if versions is not None and eval_graph.schedule else frozenset()
    return build(emit(eval_graph, train, partial=partial), eval_graph, train, seed, versions=versions)
